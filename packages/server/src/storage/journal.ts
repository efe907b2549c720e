/**
 * The journal: an append-only table of encoded Yjs updates. Rows that it has accepted survive a
 * crash of this process and of the machine.
 *
 * The persisted state of a room is *snapshot ∪ journal*: every acknowledged update is in the room's
 * snapshot, in a journal row, or in both. Applying an update twice is harmless, because Yjs updates
 * merge. So an implementation may return a row twice at any time, but must never omit one that it
 * has accepted and not been told to delete.
 */
export interface Journal {
  /**
   * Makes every row durable, all or nothing, in one group commit. Rows of one room keep their
   * order.
   *
   * @param rows rows of any number of rooms; an empty array resolves immediately
   * @returns one id per row, in the order of `rows`
   * @throws StorageError if nothing was made durable, or if the outcome is unknown. The caller then
   *   appends again: a row that is stored twice is harmless.
   */
  append(rows: readonly JournalRow[]): Promise<readonly JournalId[]>;

  /**
   * Returns all rows of a room in commit order, and whether a snapshot of it is known to exist.
   *
   * @throws CorruptedError if a row is damaged
   * @throws StorageError if the rows could not be read
   */
  read(room: string): Promise<RoomJournal>;

  /**
   * Deletes rows that a **stored** snapshot of the room contains, and records, in the same
   * transaction, that the room has a snapshot. From then on, a room whose snapshot is missing is
   * known to be damaged, and is never mistaken for a new one.
   *
   * Unknown ids are ignored. The record is made even if `ids` is empty.
   *
   * @throws StorageError if nothing was changed, or if the outcome is unknown
   */
  truncate(room: string, ids: readonly JournalId[]): Promise<void>;

  /**
   * Deletes all rows of a room and the record of its snapshot. Used when a room is deleted.
   *
   * @throws StorageError
   */
  forget(room: string): Promise<void>;

  /** Waits for pending calls and releases all resources. Later calls reject. */
  close(): Promise<void>;
}

/** A journal that can also list the rooms that have rows, that is, those that changed recently. */
export interface ListedJournal extends Journal {
  /**
   * Returns a page of the rooms that have rows, each once, in a fixed order. A room whose rows are
   * added or deleted between pages may be missed.
   *
   * @param after the last room of the previous page; the empty string for the first page
   * @param limit the most rooms to return; a shorter page is the last one
   * @throws StorageError
   */
  rooms(after: string, limit: number): Promise<readonly string[]>;
}

/** Identifies a journal row. Unique in the journal, never reused, a positive safe integer. */
export type JournalId = number;

/** An update of one room. */
export interface JournalRow {
  readonly room: string;
  /**
   * An encoded Yjs update (format V1). Not empty; not retained after the returned promise settles.
   */
  readonly update: Uint8Array;
}

/** The journal's content for one room. */
export interface RoomJournal {
  readonly rows: readonly { readonly id: JournalId; readonly update: Uint8Array }[];
  /** True if `truncate` has been called for this room, and `forget` has not been called since. */
  readonly snapshotted: boolean;
}
