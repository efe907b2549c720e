import { readFile, writeFile } from "node:fs/promises";
import { setPriority } from "node:os";
import type { ServerProcess } from "../../support/server-process.ts";
import { fieldsOfStat } from "../../support/thread-stat.ts";

/** What a server used during an attack, as Linux counts it. */
export interface Usage {
  /** The most memory that was found resident, in bytes. */
  readonly peakBytes: number;
  /** Processor time of all threads, in milliseconds. */
  readonly cpu: number;
  /** How long the event loop's thread had to wait for a processor, in milliseconds. */
  readonly starved: number;
}

const CLOCK_TICK_MS = 10;
/** A server that fails a test must not take the machine with it: at this size it is killed. */
const MOST_BYTES = 2 * 2 ** 30;
const LOOK_MS = 100;
/** The system's own record of the peak can only be reset where that is permitted. */
const PEAK_LOOK_MS = 20;

/** Kills a server that grows far above what an attack may make it use. */
export function limitMemory(server: ServerProcess): void {
  const timer = setInterval(async () => {
    const bytes = await server.residentBytes().catch(() => 0);
    if (server.hasExited) clearInterval(timer);
    else if (bytes > MOST_BYTES) server.signal("SIGKILL");
  }, LOOK_MS);
  timer.unref();
}

/**
 * Lets what is measured go before what else happens on the machine, where that is permitted: on a busy
 * machine the time until a processor is free would be measured.
 */
export async function goFirst(pid: number): Promise<void> {
  try {
    setPriority(pid, FIRST);
    // Linux shares processors between sessions before it does so between processes.
    await writeFile(`/proc/${pid}/autogroup`, String(FIRST));
  } catch {
    // Sandboxes and containers refuse it in many ways. It goes without.
  }
}

const FIRST = -15;

/** Measures what a server uses from now on. Whoever starts it stops it. */
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

  /** Not every kernel counts it. */
  async #readStarved(): Promise<number> {
    const { pid } = this.#server;
    const text = await readFile(`/proc/${pid}/task/${pid}/schedstat`, "utf8").catch(() => "0 0 0");
    return Number(text.split(" ")[1]) / 1e6;
  }
}
