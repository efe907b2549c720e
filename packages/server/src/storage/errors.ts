/** An operation on a store failed; see `cause`. Retrying later may succeed. */
export class StorageError extends Error {
  override readonly name: string = "StorageError";
}

/** The stored data is damaged. Retrying does not help; it has to be repaired. */
export class CorruptedError extends StorageError {
  override readonly name = "CorruptedError";
}

/** Another writer replaced the snapshot first. Read it, merge, and write again. */
export class SnapshotConflictError extends StorageError {
  override readonly name = "SnapshotConflictError";
}

/** The snapshot is larger than this store accepts. Retrying does not help until it is smaller. */
export class SnapshotTooLargeError extends StorageError {
  override readonly name = "SnapshotTooLargeError";
}
