import { randomUUID } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { allocateShared, releaseBytes, SHARED_BYTES } from "../../runtime/byte-memory.ts";
import { checksum, verified } from "../checksum.ts";
import { SnapshotConflictError } from "../errors.ts";
import type { Snapshot, SnapshotVersion } from "../snapshots.ts";
import { atomically, openConnection } from "./connection.ts";
import { createTables } from "./create-tables.ts";
import type { SnapshotCalls } from "./snapshot-calls.ts";
import type { CallHandlers, CallResult } from "./thread-messages.ts";

const SCHEMA = `
  CREATE TABLE snapshots (
    room TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    content BLOB NOT NULL
  ) STRICT;
`;

/** The snapshots. Runs in the thread that owns the file. */
export class SnapshotDatabase implements CallHandlers<SnapshotCalls> {
  readonly #connection: DatabaseSync;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #replace: StatementSync;
  readonly #delete: StatementSync;

  /** @throws StorageError */
  constructor(path: string) {
    const connection = openConnection(path);
    try {
      createTables(connection, path, SCHEMA);
      this.#connection = connection;
      this.#select = connection.prepare(
        "SELECT version, checksum, content FROM snapshots WHERE room = ?",
      );
      this.#insert = connection.prepare(
        "INSERT INTO snapshots (version, checksum, content, room) VALUES (?, ?, ?, ?) " +
          "ON CONFLICT DO NOTHING",
      );
      this.#replace = connection.prepare(
        "UPDATE snapshots SET version = ?, checksum = ?, content = ? " +
          "WHERE room = ? AND version = ?",
      );
      this.#delete = connection.prepare("DELETE FROM snapshots WHERE room = ?");
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Nothing to do: the database is open by the time this is called. */
  open(): CallResult<void> {
    return { value: undefined };
  }

  read(room: string): CallResult<Snapshot | null> {
    const row = this.#select.get(room);
    if (row === undefined) return { value: null };
    const update = verified(room, row, "the snapshot");
    const version = String(row.version) as SnapshotVersion;
    if (update.length < SHARED_BYTES) {
      return { value: { update, version }, transfer: [update.buffer] };
    }
    // The main thread passes it on to a third thread, which costs nothing only for shared memory.
    const shared = allocateShared(update.length);
    shared.set(update);
    releaseBytes(update);
    return { value: { update: shared, version } };
  }

  write(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): CallResult<SnapshotVersion> {
    const version = randomUUID() as string as SnapshotVersion;
    const sum = checksum(room, update);
    const { changes } = atomically(this.#connection, () =>
      expected === null
        ? this.#insert.run(version, sum, update, room)
        : this.#replace.run(version, sum, update, room, expected),
    );
    if (changes === 0)
      throw new SnapshotConflictError("the snapshot was replaced by another writer");
    return { value: version };
  }

  delete(room: string): CallResult<void> {
    atomically(this.#connection, () => this.#delete.run(room));
    return { value: undefined };
  }

  close(): void {
    this.#connection.close();
  }
}
