/** A store could not do what it was asked; the cause says why. Trying again later may succeed. */
export class StorageError extends Error {
  override readonly name: string = "StorageError";
}

/** What is stored is not what was written. Trying again does not help; somebody must repair it. */
export class CorruptedError extends StorageError {
  override readonly name = "CorruptedError";
}

/** Somebody else replaced the snapshot first. Read it, merge, and write again. */
export class SnapshotConflictError extends StorageError {
  override readonly name = "SnapshotConflictError";
}
