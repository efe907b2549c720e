/** What is known about the client behind a subscriber; see `Identities`. */
export class Identity {
  /** How many clients had joined the room when it did, itself included. */
  joined = 0;
  /** That number at the time of the last ping that it has answered. */
  aliveAt = Number.POSITIVE_INFINITY;
  /** That number at the time of the last ping sent to it. */
  askedAt = Number.POSITIVE_INFINITY;
  /** The Yjs clients it has written as. */
  readonly writers: number[] = [];
  /** Whether another subscriber has written as one of them. */
  hasTwin = false;
  /** Whether it writes as more Yjs clients than are remembered. */
  isRelay = false;
}
