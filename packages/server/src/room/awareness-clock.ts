/**
 * Where the clocks that a server gives begin, and their unit. They fit into 32 bits until 2039: there are
 * clients that read no more.
 */
const EPOCH = Date.UTC(2026, 0, 1);
const UNIT_MS = 100;

/** Clients fail on numbers above 2^53, and the server counts on from what they send. */
export const MAX_CLOCK = 2 ** 52;

/**
 * The next clock to show a state with, to those who may have seen the client before: on this server or
 * another one, or before a crash of which nothing is remembered. They ignore what is not newer than
 * what they saw, and all that they saw was given an earlier time.
 *
 * @param clock the newest one that is known
 * @param now in milliseconds since the epoch
 */
export function freshClock(clock: number, now: number): number {
  return Math.max(clock + 1, Math.floor((now - EPOCH) / UNIT_MS));
}
