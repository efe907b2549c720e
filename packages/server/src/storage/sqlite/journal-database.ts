import { randomUUID } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { allocateShared, releaseBytes, SHARED_BYTES } from "../../memory.ts";
import { CorruptedError, SnapshotConflictError, StorageError } from "../errors.ts";
import type { JournalId, RoomJournal } from "../journal.ts";
import type { Snapshot, SnapshotVersion } from "../snapshots.ts";
import { atomically, openConnection } from "./connection.ts";
import type { JournalCalls } from "./journal-calls.ts";
import type { Answer, Answers } from "./thread-messages.ts";

/** Written to the file's `user_version`; grows when the tables change. */
const SCHEMA_VERSION = 1;

// AUTOINCREMENT: an id is not used again, not even after the row with the highest id was deleted.
const SCHEMA = `
  CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    content BLOB NOT NULL
  ) STRICT;
  CREATE INDEX journal_room ON journal (room);
  CREATE TABLE snapshotted_rooms (room TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE snapshots (
    room TEXT NOT NULL PRIMARY KEY,
    version TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    content BLOB NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Journal and snapshots in one file. Runs in the thread that owns the file. */
export class JournalDatabase implements Answers<JournalCalls> {
  readonly #connection: DatabaseSync;
  readonly #insertRow: StatementSync;
  readonly #selectRows: StatementSync;
  readonly #deleteRow: StatementSync;
  readonly #deleteRows: StatementSync;
  readonly #insertSnapshotted: StatementSync;
  readonly #selectSnapshotted: StatementSync;
  readonly #deleteSnapshotted: StatementSync;
  readonly #selectSnapshot: StatementSync;
  readonly #insertSnapshot: StatementSync;
  readonly #replaceSnapshot: StatementSync;
  readonly #deleteSnapshot: StatementSync;

  /** @throws StorageError */
  constructor(path: string) {
    const connection = openConnection(path);
    try {
      createTables(connection, path);
      this.#connection = connection;
      this.#insertRow = connection.prepare(
        "INSERT INTO journal (room, checksum, content) VALUES (?, ?, ?)",
      );
      this.#selectRows = connection.prepare(
        "SELECT id, checksum, content FROM journal WHERE room = ? ORDER BY id",
      );
      this.#deleteRow = connection.prepare("DELETE FROM journal WHERE id = ? AND room = ?");
      this.#deleteRows = connection.prepare("DELETE FROM journal WHERE room = ?");
      this.#insertSnapshotted = connection.prepare(
        "INSERT INTO snapshotted_rooms (room) VALUES (?) ON CONFLICT DO NOTHING",
      );
      this.#selectSnapshotted = connection.prepare(
        "SELECT room FROM snapshotted_rooms WHERE room = ?",
      );
      this.#deleteSnapshotted = connection.prepare("DELETE FROM snapshotted_rooms WHERE room = ?");
      this.#selectSnapshot = connection.prepare(
        "SELECT version, checksum, content FROM snapshots WHERE room = ?",
      );
      this.#insertSnapshot = connection.prepare(
        "INSERT INTO snapshots (version, checksum, content, room) VALUES (?, ?, ?, ?) " +
          "ON CONFLICT DO NOTHING",
      );
      this.#replaceSnapshot = connection.prepare(
        "UPDATE snapshots SET version = ?, checksum = ?, content = ? " +
          "WHERE room = ? AND version = ?",
      );
      this.#deleteSnapshot = connection.prepare("DELETE FROM snapshots WHERE room = ?");
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Does nothing more: being called means that the database is open. */
  open(): Answer<void> {
    return { value: undefined };
  }

  append(rooms: readonly string[], updates: readonly Uint8Array[]): Answer<readonly JournalId[]> {
    const value = atomically(this.#connection, () =>
      updates.map((update, index) => {
        const room = rooms[index] ?? "";
        return Number(this.#insertRow.run(room, checksum(room, update), update).lastInsertRowid);
      }),
    );
    return { value };
  }

  read(room: string): Answer<RoomJournal> {
    const transfer: ArrayBuffer[] = [];
    const rows = this.#selectRows.all(room).map((row) => {
      const id = Number(row.id);
      const update = verified(room, row, `journal row ${id}`);
      transfer.push(update.buffer);
      return { id, update };
    });
    const snapshotted = this.#selectSnapshotted.get(room) !== undefined;
    return { value: { rows, snapshotted }, transfer };
  }

  truncate(room: string, ids: readonly JournalId[]): Answer<void> {
    atomically(this.#connection, () => {
      for (const id of ids) this.#deleteRow.run(id, room);
      this.#insertSnapshotted.run(room);
    });
    return { value: undefined };
  }

  forget(room: string): Answer<void> {
    atomically(this.#connection, () => {
      this.#deleteRows.run(room);
      this.#deleteSnapshotted.run(room);
    });
    return { value: undefined };
  }

  readSnapshot(room: string): Answer<Snapshot | null> {
    const row = this.#selectSnapshot.get(room);
    if (row === undefined) return { value: null };
    const update = verified(room, row, "the snapshot");
    const version = String(row.version) as SnapshotVersion;
    if (update.length < SHARED_BYTES) {
      return { value: { update, version }, transfer: [update.buffer] };
    }
    // The main thread passes it on to a third one, which costs it nothing only when it is shared.
    const shared = allocateShared(update.length);
    shared.set(update);
    releaseBytes(update);
    return { value: { update: shared, version } };
  }

  writeSnapshot(
    room: string,
    update: Uint8Array,
    expected: SnapshotVersion | null,
  ): Answer<SnapshotVersion> {
    const version = randomUUID() as string as SnapshotVersion;
    const sum = checksum(room, update);
    const { changes } = atomically(this.#connection, () =>
      expected === null
        ? this.#insertSnapshot.run(version, sum, update, room)
        : this.#replaceSnapshot.run(version, sum, update, room, expected),
    );
    if (changes === 0) throw new SnapshotConflictError("the current snapshot is another one");
    return { value: version };
  }

  deleteSnapshot(room: string): Answer<void> {
    atomically(this.#connection, () => this.#deleteSnapshot.run(room));
    return { value: undefined };
  }

  close(): void {
    this.#connection.close();
  }
}

function createTables(connection: DatabaseSync, path: string): void {
  atomically(connection, () => {
    const version = connection.prepare("PRAGMA user_version").get()?.user_version;
    if (version === 0) connection.exec(SCHEMA);
    else if (version !== SCHEMA_VERSION) {
      throw new StorageError(
        `"${path}" was written by another version of this program (its schema is ${version}, this ` +
          `program knows ${SCHEMA_VERSION}). Use the program that wrote it, or a newer one.`,
      );
    }
  });
}

/** Covers the room as well, so that a row cannot end up in another room unnoticed. */
function checksum(room: string, update: Uint8Array): number {
  return crc32(update, crc32(room));
}

function verified(
  room: string,
  row: Record<string, unknown>,
  what: string,
): Uint8Array<ArrayBuffer> {
  const { content } = row;
  if (
    !(content instanceof Uint8Array && content.buffer instanceof ArrayBuffer) ||
    row.checksum !== checksum(room, content)
  ) {
    throw new CorruptedError(`${what} is not what was written: its checksum does not match`);
  }
  return content as Uint8Array<ArrayBuffer>;
}
