import { getPriority, platform, setPriority } from "node:os";

/** Each step of niceness takes a fifth of what is left of the share; ten leave a tenth of it. */
const STEPS = 10;
const NICEST = 19;

/**
 * Lets the calling worker thread give way to the others, to a tenth of their share. Where cores are
 * scarce, the event loop and the journal go first: somebody waits for them.
 *
 * On Linux a priority belongs to a thread; elsewhere it would be that of the whole process, which is
 * left alone.
 */
export function runInBackground(): void {
  if (platform() === "linux") setPriority(Math.min(NICEST, getPriority() + STEPS));
}
