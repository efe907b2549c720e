import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Linux counts process times in hundredths of a second on every architecture that Node supports.
 */
const TICKS_PER_SECOND = 100;

const SETTLE_STEP_MS = 500;
const SETTLE_STEPS = 8;
const SETTLE_TOLERANCE = 0.005;
const SETTLE_LIMIT_MS = 60_000;

/** Returns the user and system time of all threads of these processes so far, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.map(cpuSecondsOf).reduce((sum, seconds) => sum + seconds, 0);
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name that may contain spaces; the fields after it start at number 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / TICKS_PER_SECOND;
}

/** Returns how long a core has been busy so far, with anything, in seconds. */
export function coreBusySeconds(core: string): number {
  const line = new RegExp(`^cpu${core} (.+)$`, "m").exec(readFileSync("/proc/stat", "utf8"))?.[1];
  if (line === undefined) throw new Error(`no core ${core}`);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = line
    .split(" ")
    .map(Number);
  return (user + nice + system + irq + softIrq + steal) / TICKS_PER_SECOND;
}

/** Returns the memory of these processes that is in RAM now. */
export function residentBytes(pids: readonly number[]): number {
  return pids.map(residentBytesOf).reduce((sum, bytes) => sum + bytes, 0);
}

function residentBytesOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no VmRSS: it is exiting`);
  return Number(kibibytes) * 1024;
}

/**
 * Resolves to the resident memory once it has changed by less than 0.5 % for 4 s, at least
 * `atLeastMs` from now. If it never settles, the lowest value of the last 4 s is used: garbage then
 * comes and goes.
 */
export async function settledResidentBytes(
  pids: readonly number[],
  atLeastMs = 0,
): Promise<number> {
  const earliest = Date.now() + atLeastMs;
  const latest = earliest + SETTLE_LIMIT_MS;
  let recent: number[] = [];
  for (;;) {
    recent = [...recent, residentBytes(pids)].slice(-SETTLE_STEPS);
    const lowest = Math.min(...recent);
    const settled =
      recent.length === SETTLE_STEPS && Math.max(...recent) - lowest < lowest * SETTLE_TOLERANCE;
    if ((settled && Date.now() > earliest) || Date.now() > latest) return lowest;
    await delay(SETTLE_STEP_MS);
  }
}
