import { getPriority, platform, setPriority } from "node:os";

const NICEST = 19;

/**
 * Lets the calling worker thread give way to the event loop and the journal where cores are scarce:
 * all clients wait for those, and only some for a worker.
 *
 * On Linux a priority belongs to a thread; elsewhere it would be that of the whole process, which is
 * left alone.
 *
 * @param steps of niceness. Each takes a fifth of what is left of the thread's share: four leave 40 %
 *   of it, ten a tenth
 */
export function giveWay(steps: number): void {
  if (platform() === "linux") setPriority(Math.min(NICEST, getPriority() + steps));
}
