import { StorageError } from "../errors.ts";
import type { JournalId, JournalRow, ListedJournal, RoomJournal } from "../journal.ts";

/** What all journals of one `MemoryStore` share. */
export class JournalTable {
  readonly rooms: Map<string, RoomRows> = new Map();
  lastId: JournalId = 0;

  /** The entry of a room, added if there is none. */
  open(room: string): RoomRows {
    let table = this.rooms.get(room);
    if (table === undefined) {
      table = { rows: new Map(), snapshotted: false };
      this.rooms.set(room, table);
    }
    return table;
  }
}

interface RoomRows {
  /** In the order of their commit. */
  readonly rows: Map<JournalId, Uint8Array>;
  snapshotted: boolean;
}

/**
 * One server's journal on a table in memory. A call takes effect before it returns, so that calls take
 * effect in the order in which they were made, and closing has nothing to wait for.
 */
export class MemoryJournal implements ListedJournal {
  readonly #table: JournalTable;
  #isClosed = false;

  constructor(table: JournalTable) {
    this.#table = table;
  }

  async append(rows: readonly JournalRow[]): Promise<readonly JournalId[]> {
    this.#assertOpen();
    return rows.map(({ room, update }) => {
      const id = ++this.#table.lastId;
      // Not `slice`: that of a Buffer shares its bytes.
      this.#table.open(room).rows.set(id, new Uint8Array(update));
      return id;
    });
  }

  async read(room: string): Promise<RoomJournal> {
    this.#assertOpen();
    const table = this.#table.rooms.get(room);
    if (table === undefined) return { rows: [], snapshotted: false };
    const rows = Array.from(table.rows, ([id, update]) => ({ id, update: update.slice() }));
    return { rows, snapshotted: table.snapshotted };
  }

  async truncate(room: string, ids: readonly JournalId[]): Promise<void> {
    this.#assertOpen();
    const table = this.#table.open(room);
    for (const id of ids) table.rows.delete(id);
    table.snapshotted = true;
  }

  async forget(room: string): Promise<void> {
    this.#assertOpen();
    this.#table.rooms.delete(room);
  }

  async rooms(after: string, limit: number): Promise<readonly string[]> {
    this.#assertOpen();
    const withRows = [...this.#table.rooms].filter(
      ([room, { rows }]) => rows.size > 0 && room > after,
    );
    return withRows
      .map(([room]) => room)
      .sort()
      .slice(0, limit);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StorageError("the journal is closed");
  }
}
