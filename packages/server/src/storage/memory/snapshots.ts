import { SnapshotConflictError, StorageError } from "../errors.ts";
import type { Snapshot, SnapshotStore, SnapshotVersion } from "../snapshots.ts";

/** What all snapshot stores of one `MemoryStore` share. */
export class SnapshotTable {
  readonly snapshots: Map<string, Snapshot> = new Map();
  /** Counted over all rooms, so that a version is never used again. */
  lastVersion = 0;
}

/**
 * One server's snapshots in a table in memory. A call takes effect before it returns, which makes
 * compare-and-swap atomic.
 */
export class MemorySnapshots implements SnapshotStore {
  readonly #table: SnapshotTable;
  #isClosed = false;

  constructor(table: SnapshotTable) {
    this.#table = table;
  }

  async read(room: string): Promise<Snapshot | null> {
    this.#assertOpen();
    const snapshot = this.#table.snapshots.get(room);
    return snapshot === undefined ? null : { ...snapshot, update: snapshot.update.slice() };
  }

  async write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Promise<SnapshotVersion> {
    this.#assertOpen();
    const current = this.#table.snapshots.get(room)?.version ?? null;
    if (current !== expected) {
      throw new SnapshotConflictError(
        `the snapshot of room "${room}" is ${current ?? "missing"}, not ${expected ?? "missing"}`,
      );
    }
    const version = String(++this.#table.lastVersion) as SnapshotVersion;
    // Not `slice`: that of a Buffer shares its bytes.
    this.#table.snapshots.set(room, { update: new Uint8Array(update), version });
    return version;
  }

  async delete(room: string): Promise<void> {
    this.#assertOpen();
    this.#table.snapshots.delete(room);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageError("the snapshot store is closed");
  }
}
