/**
 * The outbox: changes that still have to be delivered to other programs, kept in the metadata
 * database so that a change, once marked, is delivered even if the server that marked it dies.
 *
 * There is one row for each kind and key, however often it is marked. Marks are debounced: a row is
 * due once it has not been marked for some time, or at the latest some time after its first mark.
 * Then any server claims it, delivers it, and settles it. A mark during delivery begins a new
 * window. So every mark is followed by at least one delivery.
 *
 * Times are milliseconds since the Unix epoch. A row is claimed by only one server at a time,
 * provided that no delivery takes longer than its claim lasts.
 */
export interface Outbox {
  /**
   * Records changes: each mark begins a window or extends it. A row whose delivery has failed keeps
   * its due time.
   *
   * @param marks no two with the same key
   * @param longest the maximum length of a window
   * @throws StorageError; some may have been marked, and marking again is harmless
   */
  mark(kind: OutboxKind, marks: readonly OutboxMark[], longest: number): Promise<void>;

  /**
   * Claims due rows that are unclaimed, starting with those that have been due longest.
   *
   * @param by the address of the server that claims them
   * @param until when the claim expires, so that other servers can take over if this one has died
   * @param limit the most rows to claim
   * @throws StorageError; rows that were claimed nevertheless are released at `until`
   */
  claim(kind: OutboxKind, claim: OutboxClaiming): Promise<readonly OutboxClaim[]>;

  /**
   * Releases the claims that a crashed server made by the time `at`.
   *
   * @param server its address; `null` for the claims of all servers
   * @throws StorageError
   */
  free(kind: OutboxKind, server: string | null, at: number): Promise<void>;

  /**
   * The row was delivered: deletes it, unless it was marked again after it was claimed. Has no
   * effect if the claim is no longer held.
   *
   * @throws StorageError; the row is then delivered again
   */
  settle(claim: OutboxClaim): Promise<void>;

  /**
   * Delivery failed: makes the row due again at `until`, regardless of marks before then. Has no
   * effect if the claim is no longer held.
   *
   * @throws StorageError; delivery is then retried when the claim expires
   */
  postpone(claim: OutboxClaim, until: number): Promise<void>;

  /** Returns how many rows there are, and when the oldest was first marked. @throws StorageError */
  pending(kind: OutboxKind): Promise<OutboxPending>;
}

/**
 * `room`: the key is a room whose document has changed. `events`: the key is the address of a
 * server that has put events into the `EventQueue`.
 */
export type OutboxKind = "room" | "events";

export interface OutboxMark {
  readonly key: string;
  /** When the first change covered by this mark was made. */
  readonly first: number;
  /** When the row becomes due if it is not marked again. */
  readonly due: number;
}

export interface OutboxClaiming {
  readonly by: string;
  readonly now: number;
  readonly until: number;
  readonly limit: number;
}

export interface OutboxClaim {
  readonly kind: OutboxKind;
  readonly key: string;
  /** When the first undelivered change was made. */
  readonly first: number;
  /** How many delivery attempts there have been since then, including this one. At least 1. */
  readonly attempts: number;
  /** Unique to each claim. */
  readonly token: string;
  /** The row's version, which grows with each mark, at the time of the claim. */
  readonly version: number;
}

export interface OutboxPending {
  readonly rows: number;
  /** `null` if there are none. */
  readonly oldest: number | null;
}
