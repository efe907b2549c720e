import { getPriority, platform, setPriority } from "node:os";

/** Each niceness step takes a fifth of the remaining CPU share; ten steps leave a tenth. */
const STEPS = 10;
const NICEST = 19;

/**
 * Lowers the calling worker thread's CPU share to a tenth of that of other threads. When cores are
 * scarce, the event loop and the journal take precedence, because clients wait for them.
 *
 * Only on Linux, where a priority belongs to a thread. Elsewhere it would apply to the whole
 * process.
 */
export function runInBackground(): void {
  if (platform() === "linux") setPriority(Math.min(NICEST, getPriority() + STEPS));
}
