import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checksum, verified } from "../checksum.ts";
import type { JournalId, RoomJournal } from "../journal.ts";
import { atomically, openConnection } from "./connection.ts";
import { createTables } from "./create-tables.ts";
import type { JournalCalls } from "./journal-calls.ts";
import type { CallHandlers, CallResult } from "./thread-messages.ts";

// AUTOINCREMENT: ids are never reused, not even after the row with the highest id was deleted.
const SCHEMA = `
  CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    content BLOB NOT NULL
  ) STRICT;
  CREATE INDEX journal_room ON journal (room);
  CREATE TABLE snapshotted_rooms (room TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
`;

/** The journal. Runs in the thread that owns the file. */
export class JournalDatabase implements CallHandlers<JournalCalls> {
  readonly #connection: DatabaseSync;
  readonly #insertRow: StatementSync;
  readonly #selectRows: StatementSync;
  readonly #deleteRow: StatementSync;
  readonly #deleteRows: StatementSync;
  readonly #insertSnapshotted: StatementSync;
  readonly #selectSnapshotted: StatementSync;
  readonly #deleteSnapshotted: StatementSync;
  readonly #selectRooms: StatementSync;

  /** @throws StorageError */
  constructor(path: string) {
    const connection = openConnection(path);
    try {
      createTables(connection, path, SCHEMA);
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
      this.#selectRooms = connection.prepare(
        "SELECT DISTINCT room FROM journal WHERE room > ? ORDER BY room LIMIT ?",
      );
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Nothing to do: the database is open by the time this is called. */
  open(): CallResult<void> {
    return { value: undefined };
  }

  append(
    rooms: readonly string[],
    updates: readonly Uint8Array[],
  ): CallResult<readonly JournalId[]> {
    const value = atomically(this.#connection, () =>
      updates.map((update, index) => {
        const room = rooms[index] ?? "";
        return Number(this.#insertRow.run(room, checksum(room, update), update).lastInsertRowid);
      }),
    );
    return { value };
  }

  read(room: string): CallResult<RoomJournal> {
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

  truncate(room: string, ids: readonly JournalId[]): CallResult<void> {
    atomically(this.#connection, () => {
      for (const id of ids) this.#deleteRow.run(id, room);
      this.#insertSnapshotted.run(room);
    });
    return { value: undefined };
  }

  forget(room: string): CallResult<void> {
    atomically(this.#connection, () => {
      this.#deleteRows.run(room);
      this.#deleteSnapshotted.run(room);
    });
    return { value: undefined };
  }

  rooms(after: string, limit: number): CallResult<readonly string[]> {
    return { value: this.#selectRooms.all(after, limit).map(({ room }) => String(room)) };
  }

  close(): void {
    this.#connection.close();
  }
}
