import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 10;
/** If a pause between two checks is longer, this process or its machine was suspended. */
const LONGEST_PAUSE_MS = 1_000;

export interface WaitOptions {
  /** How long to wait, in milliseconds. */
  readonly timeout?: number;
  /**
   * The expected condition. A function is called on timeout, and can add what was last observed.
   */
  readonly message: string | (() => string);
}

/**
 * Polls a condition until it returns something other than `false`, `null` or `undefined`, and
 * returns that.
 *
 * @throws Error with the message on timeout, or whatever the condition throws
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
      throw new Error(`timed out after ${timeout} ms: ${text}`);
    }
    await delay(POLL_MS);
    const stoodStill = performance.now() - now - LONGEST_PAUSE_MS;
    if (stoodStill > 0) deadline += stoodStill;
  }
}

function isThere<T>(value: T): value is Exclude<T, false | null | undefined> {
  return value !== false && value !== null && value !== undefined;
}
