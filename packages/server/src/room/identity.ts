/** What is known of the client behind a reader. */
export class Identity {
  /** The number of clients that had joined the document when it did, itself included. */
  joined = 0;
  /** That number when it was last asked for a sign of life that it has given since. */
  aliveAt = Number.POSITIVE_INFINITY;
  /** That number when it was last asked for one. */
  askedAt = Number.POSITIVE_INFINITY;
  /** The Yjs clients in whose name it has written. */
  readonly writers: number[] = [];
  /** Whether another reader may have written in the name of one of them. */
  hasTwin = false;
  /** Whether it writes for too many Yjs clients to remember. */
  isRelay = false;
}
