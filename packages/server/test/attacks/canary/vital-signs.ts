import { readFile, writeFile } from "node:fs/promises";
import { setPriority } from "node:os";
import type { ServerProcess } from "../../support/server-process.ts";
import { fieldsOfStat } from "../../support/thread-stat.ts";

/** What a server used during an attack, as Linux counts it. */
export interface Usage {
  /** The most memory that was resident at any moment, in bytes. */
  readonly peakBytes: number;
  /** Processor time of all threads, in milliseconds. */
  readonly cpu: number;
  /** How long the event loop's thread had to wait for a processor that others had, in milliseconds. */
  readonly starved: number;
}

const CLOCK_TICK_MS = 10;
/** A server that fails a test must not take the machine with it: at this size it is killed. */
const MOST_BYTES = 2 * 2 ** 30;
const LOOK_MS = 100;

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
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "ENOENT") throw error;
  }
}

const FIRST = -15;

/** @returns what resolves with the usage since this call */
export async function measureUsage(server: ServerProcess): Promise<() => Promise<Usage>> {
  const directory = `/proc/${server.pid}`;
  // 5 makes the present size the peak so far; see proc(5).
  await writeFile(`${directory}/clear_refs`, "5");
  const cpu = async () => {
    const fields = fieldsOfStat(await readFile(`${directory}/stat`, "utf8"));
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_MS;
  };
  const starved = async () => {
    const text = await readFile(`${directory}/task/${server.pid}/schedstat`, "utf8");
    return Number(text.split(" ")[1]) / 1e6;
  };
  const before = { cpu: await cpu(), starved: await starved() };
  return async () => {
    const status = await readFile(`${directory}/status`, "utf8");
    const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
    return {
      peakBytes: kilobytes * 1024,
      cpu: (await cpu()) - before.cpu,
      starved: (await starved()) - before.starved,
    };
  };
}
