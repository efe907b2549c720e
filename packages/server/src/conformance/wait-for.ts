import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 10;
/** When the pause before the next look is longer, this process or its machine stood still. */
const LONGEST_PAUSE_MS = 1_000;

export interface WaitOptions {
  /** How long to wait, in milliseconds. */
  readonly timeout?: number;
  /** What was waited for; a function is asked when the time is up, and can say what was seen. */
  readonly message: string | (() => string);
}

/**
 * Asks again and again until the condition gives something other than `false`, `null` or
 * `undefined`, and returns that.
 *
 * @throws Error with the message when the time is up, and whatever the condition throws
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  { timeout = 60_000, message }: WaitOptions,
): Promise<Exclude<T, false | null | undefined>> {
  let deadline = performance.now() + timeout;
  for (;;) {
    const result = await condition();
    if (isThere(result)) return result;
    const now = performance.now();
    if (now >= deadline) {
      const text = typeof message === "string" ? message : message();
      throw new Error(`waited ${timeout} ms in vain: ${text}`);
    }
    await delay(POLL_MS);
    const stoodStill = performance.now() - now - LONGEST_PAUSE_MS;
    if (stoodStill > 0) deadline += stoodStill;
  }
}

function isThere<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined;
}
