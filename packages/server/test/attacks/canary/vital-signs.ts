import { readFile, writeFile } from "node:fs/promises";
import { setPriority } from "node:os";
import type { ServerProcess } from "../../support/server-process.ts";
import { fieldsOfStat } from "../../support/thread-stat.ts";

/** A server's resource usage during an attack, as measured by Linux. */
export interface Usage {
  /** Peak resident memory seen, in bytes. */
  readonly peakBytes: number;
  /** CPU time of all threads, in milliseconds. */
  readonly cpu: number;
  /** How long the event-loop thread waited for a CPU, in milliseconds. */
  readonly starved: number;
}

const CLOCK_TICK_MS = 10;
/** A server is killed at this size, so that a failing test does not take down the machine. */
const MOST_BYTES = 2 * 2 ** 30;
const LOOK_MS = 100;
/** Resets the kernel's record of the peak, where that is permitted. */
const PEAK_LOOK_MS = 20;

/** Kills a server that grows far beyond the memory that an attack may make it use. */
export function limitMemory(server: ServerProcess): void {
  const timer = setInterval(async () => {
    const bytes = await server.residentBytes().catch(() => 0);
    if (server.hasExited) clearInterval(timer);
    else if (bytes > MOST_BYTES) server.signal("SIGKILL");
  }, LOOK_MS);
  timer.unref();
}

/**
 * Gives a measured process priority over others on the machine, where that is permitted. Otherwise the
 * measurement on a busy machine would include the time until a CPU is free.
 */
export async function goFirst(pid: number): Promise<void> {
  try {
    setPriority(pid, FIRST);
    // Linux divides CPU time among sessions first, and then among the processes of each.
    await writeFile(`/proc/${pid}/autogroup`, String(FIRST));
  } catch {
    // Sandboxes and containers refuse this in various ways. Continue without it.
  }
}

const FIRST = -15;

/** Measures a server's usage from now on, until the caller stops it. */
export class UsageMeter {
  readonly #server: ServerProcess;
  readonly #timer: NodeJS.Timeout;
  #peakBytes = 0;
  #cpu = 0;
  #starved = 0;

  private constructor(server: ServerProcess) {
    this.#server = server;
    this.#timer = setInterval(() => this.#look(), PEAK_LOOK_MS);
  }

  static async start(server: ServerProcess): Promise<UsageMeter> {
    const meter = new UsageMeter(server);
    meter.#cpu = await meter.#readCpu();
    meter.#starved = await meter.#readStarved();
    return meter;
  }

  async read(): Promise<Usage> {
    await this.#look();
    return {
      peakBytes: this.#peakBytes,
      cpu: (await this.#readCpu()) - this.#cpu,
      starved: (await this.#readStarved()) - this.#starved,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const bytes = await this.#server.residentBytes().catch(() => 0);
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
  }

  async #readCpu(): Promise<number> {
    const fields = fieldsOfStat(await readFile(`/proc/${this.#server.pid}/stat`, "utf8"));
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
  }

  /** Not available on every kernel. */
  async #readStarved(): Promise<number> {
    const { pid } = this.#server;
    const text = await readFile(`/proc/${pid}/task/${pid}/schedstat`, "utf8").catch(() => "0 0 0");
    return Number(text.split(" ")[1]) / 1e6;
  }
}
