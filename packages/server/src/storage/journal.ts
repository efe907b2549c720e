/**
 * The journal: an append-only table of encoded Yjs updates. What it has accepted survives a crash
 * of this process and of the machine.
 *
 * Persisted truth of a room is *snapshot ∪ journal*: every acknowledged update is in the room's
 * snapshot, in a journal row, or in both. Reading more than once what is in both is harmless,
 * because Yjs updates merge; so an implementation may at any time return a row twice, and must
 * never fail to return one that it has accepted and not been told to forget.
 */
export interface Journal {
  /**
   * Makes every row durable, all or nothing, in one group commit. Rows of one room keep their
   * order.
   *
   * @param rows rows of any number of rooms; an empty array resolves at once
   * @returns one id per row, in the order of `rows`
   * @throws StorageError when nothing was made durable, or when it is not known whether it was.
   *   The caller then appends again: a row that is stored twice is harmless.
   */
  append(rows: readonly JournalRow[]): Promise<readonly JournalId[]>;

  /**
   * All rows of a room in the order of their commit, and whether a snapshot of it is known to exist.
   *
   * @throws CorruptedError when a row exists but is not what was written
   * @throws StorageError when the rows could not be read
   */
  read(room: string): Promise<RoomJournal>;

  /**
   * Forgets rows that a **stored** snapshot of the room contains, and records, in the same
   * transaction, that the room has a snapshot. From then on a room whose snapshot is missing is
   * known to be damaged, and is never taken for a new one.
   *
   * Ids that are not there (any more) are ignored. The record is made also when `ids` is empty.
   *
   * @throws StorageError when neither happened, or it is not known whether it did
   */
  truncate(room: string, ids: readonly JournalId[]): Promise<void>;

  /**
   * Deletes all rows of a room and the record of its snapshot. For a room that is being deleted.
   *
   * @throws StorageError
   */
  forget(room: string): Promise<void>;

  /** Waits for what was begun and releases everything. Calls made afterwards reject. */
  close(): Promise<void>;
}

/** A journal that also tells which rooms it has rows of: those that changed lately. */
export interface ListedJournal extends Journal {
  /**
   * The rooms that have rows, each once, in a fixed order. A room whose rows come or go meanwhile may be
   * missed.
   *
   * @param after the last room of the page before this one; the empty string for the first page
   * @param limit the most rooms to return; fewer than that are the last ones
   * @throws StorageError
   */
  rooms(after: string, limit: number): Promise<readonly string[]>;
}

/** Names one journal row. Unique in the journal, never used again, positive and a safe integer. */
export type JournalId = number;

/** One update that one room received. */
export interface JournalRow {
  readonly room: string;
  /** An encoded Yjs update (format V1). Not empty; not retained after the returned promise settles. */
  readonly update: Uint8Array;
}

/** What the journal knows of a room. */
export interface RoomJournal {
  readonly rows: readonly { readonly id: JournalId; readonly update: Uint8Array }[];
  /** True when `truncate` was called for this room and `forget` was not called since. */
  readonly snapshotted: boolean;
}
