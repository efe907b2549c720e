/** A message of this server that has not come back after this time counts as lost. */
const OVERDUE_MS = 1_000;

/**
 * Tracks whether the bus delivers this server's own messages back to it, as it does to every
 * subscriber of the room. This detects failures that a connection cannot see itself: a half-open
 * connection, or one that works in only one direction.
 */
export class OwnEcho {
  #waitingSince = Number.POSITIVE_INFINITY;

  published(now: number): void {
    this.#waitingSince = Math.min(this.#waitingSince, now);
  }

  /** A message of this server came back. Earlier ones may have been lost, but the bus works. */
  came(): void {
    this.#waitingSince = Number.POSITIVE_INFINITY;
  }

  isOverdue(now: number): boolean {
    return now - this.#waitingSince >= OVERDUE_MS;
  }
}
