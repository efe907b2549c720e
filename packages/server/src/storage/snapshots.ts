/**
 * Snapshots: one encoded Yjs update per room, the room's compacted state at some moment. The stored
 * bytes are a plain update (format V1) that any Yjs program can read.
 *
 * A snapshot is only ever replaced by compare-and-swap, so that writers cannot overwrite each
 * other: the loser reads, merges and writes again.
 */
export interface SnapshotStore {
  /**
   * Returns the room's snapshot, or `null` if there is none.
   *
   * @throws CorruptedError if the snapshot is damaged
   * @throws StorageError if it could not be read
   */
  read(room: string): Promise<Snapshot | null>;

  /**
   * Stores `update` durably if the room's current snapshot has the version `expected`.
   *
   * @param expected the version returned by `read` or `write`; `null` if there must be no
   *   snapshot yet
   * @returns the new version
   * @throws SnapshotConflictError if the current version is another one: read, merge, and try again
   * @throws SnapshotTooLargeError if the store accepts none of this size; nothing was stored
   * @throws StorageError if it was not stored, or if the outcome is unknown
   */
  write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion>;

  /** Deletes the room's snapshot, if there is one. @throws StorageError */
  delete(room: string): Promise<void>;

  /** Waits for pending calls and releases all resources. Later calls reject. */
  close(): Promise<void>;
}

/**
 * Identifies one stored state of one room, like an ETag. Only compared, never interpreted. Equal
 * bytes may have equal versions.
 */
export type SnapshotVersion = string & { readonly __brand: "SnapshotVersion" };

export interface Snapshot {
  readonly update: Uint8Array;
  readonly version: SnapshotVersion;
}
