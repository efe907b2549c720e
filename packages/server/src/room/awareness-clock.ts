/**
 * Origin and unit of the clocks that servers assign. They fit into 32 bits until 2039, as some clients
 * read no more than that.
 */
const EPOCH = Date.UTC(2026, 0, 1);
const UNIT_MS = 100;

/** Clients fail on numbers above 2^53, and the server continues counting from what they send. */
export const MAX_CLOCK = 2 ** 52;

/**
 * The next clock for a state sent to clients that may have seen its client before: on this server, on
 * another one, or before a crash that erased all memory of it. They ignore a clock that is not newer
 * than the one they saw, and every clock they saw was assigned at an earlier time.
 *
 * @param clock the newest known clock
 * @param now in milliseconds since the epoch
 */
export function freshClock(clock: number, now: number): number {
  return Math.max(clock + 1, Math.floor((now - EPOCH) / UNIT_MS));
}
