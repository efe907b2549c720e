/**
 * Snapshots: one encoded Yjs update per room, the room's compacted state at some moment. The stored
 * bytes are a plain update (format V1) that any Yjs program can read.
 *
 * A snapshot is only ever replaced by compare-and-swap, so that two writers cannot overwrite each
 * other: the one that loses reads, merges and writes again.
 */
export interface SnapshotStore {
  /**
   * The room's snapshot, or `null` when there is none.
   *
   * @throws CorruptedError when a snapshot exists but is not what was written
   * @throws StorageError when it could not be read
   */
  read(room: string): Promise<Snapshot | null>;

  /**
   * Stores `update` durably if the room's current snapshot is the one named by `expected`.
   *
   * @param expected the version that `read` or `write` returned; `null`: there must be none yet
   * @returns the new version
   * @throws SnapshotConflictError when the current snapshot is another one: read, merge, try again
   * @throws StorageError when it was not stored, or when it is not known whether it was
   */
  write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion>;

  /** Deletes the room's snapshot, if there is one. @throws StorageError */
  delete(room: string): Promise<void>;

  /** Waits for what was begun and releases everything. Calls made afterwards reject. */
  close(): Promise<void>;
}

/**
 * Names one stored state of one room, as an ETag does. Only compared, never interpreted. The same
 * bytes may have the same version.
 */
export type SnapshotVersion = string & { readonly __brand: "SnapshotVersion" };

export interface Snapshot {
  readonly update: Uint8Array;
  readonly version: SnapshotVersion;
}
