/** A message of this server that has not come back by then is taken for lost. */
const OVERDUE_MS = 1_000;

/**
 * Whether the bus brings back what this server publishes in a room, as it does for all subscribers.
 * This finds what a connection does not know of itself: one that is half open, that takes messages
 * and brings none, or the other way round.
 */
export class OwnEcho {
  #waitingSince = Number.POSITIVE_INFINITY;

  published(now: number): void {
    this.#waitingSince = Math.min(this.#waitingSince, now);
  }

  /** A message of this server came; those before it may have been lost, but the bus works. */
  came(): void {
    this.#waitingSince = Number.POSITIVE_INFINITY;
  }

  /** Whether something was published since one of this server's messages came. */
  get isAwaited(): boolean {
    return this.#waitingSince !== Number.POSITIVE_INFINITY;
  }

  isOverdue(now: number): boolean {
    return now - this.#waitingSince >= OVERDUE_MS;
  }
}
