/**
 * The outbox: of whom other programs are still to be told, kept in the database of the metadata so that
 * nothing that was marked is forgotten before it was told, whichever server lives.
 *
 * There is one row for each kind and key, however often it is marked. A row waits for a window: it is
 * due when it was not marked for some time, or at the latest some time after it was first marked. Then
 * any server claims it, tells what there is to tell, and settles it. What is marked meanwhile begins a new
 * window. So whatever was marked is told at least once, after it was marked.
 *
 * Times are milliseconds since the Unix epoch. A row is claimed by one server at a time, as long as none
 * takes longer than its claim lasts.
 */
export interface Outbox {
  /**
   * Something changed: begins a window, or prolongs it. A row that has failed keeps its time.
   *
   * @param marks no two with the same key
   * @param longest how long a window lasts at most
   * @throws StorageError; some may be marked then, and marking again does no harm
   */
  mark(kind: OutboxKind, marks: readonly OutboxMark[], longest: number): Promise<void>;

  /**
   * Claims rows that are due and that nobody has claimed, the ones that have waited longest.
   *
   * @param by the address of the server that claims them
   * @param until when another server may claim them, because this one has died
   * @param limit the most rows to claim
   * @throws StorageError; what was claimed all the same is free again at `until`
   */
  claim(kind: OutboxKind, claim: OutboxClaiming): Promise<readonly OutboxClaim[]>;

  /**
   * A server has crashed: what it had claimed by the time `at` may be claimed by others.
   *
   * @param server its address; `null` for all that there were
   * @throws StorageError
   */
  free(kind: OutboxKind, server: string | null, at: number): Promise<void>;

  /**
   * It was told: forgets the row, unless it was marked after it was claimed. A claim that is no longer
   * held changes nothing.
   *
   * @throws StorageError; it is told again then
   */
  settle(claim: OutboxClaim): Promise<void>;

  /**
   * It could not be told: tries again at a time, whatever is marked until then. A claim that is no longer
   * held changes nothing.
   *
   * @throws StorageError; it is tried again when the claim ends
   */
  postpone(claim: OutboxClaim, until: number): Promise<void>;

  /** How many rows there are, and when the oldest was first marked. @throws StorageError */
  pending(kind: OutboxKind): Promise<OutboxPending>;
}

/**
 * `room`: the document of the room that is the key has changed. `events`: the server whose address is the
 * key has put events into the `EventQueue`.
 */
export type OutboxKind = "room" | "events";

export interface OutboxMark {
  readonly key: string;
  /** When the first change came that this mark is for. */
  readonly first: number;
  /** When the row is due if it is not marked again. */
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
  /** When the first change came that was not told. */
  readonly first: number;
  /** How often it was claimed in vain since then, with this time. At least 1. */
  readonly attempts: number;
  /** Differs with each claim. */
  readonly token: string;
  /** How often it was marked by then. */
  readonly version: number;
}

export interface OutboxPending {
  readonly rows: number;
  /** `null` when there are none. */
  readonly oldest: number | null;
}
