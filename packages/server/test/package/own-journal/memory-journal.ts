import { type Journal, type JournalId, type JournalRow, StorageError } from "symphony-backend";

// A journal as an outside author would write it: it imports only the package. The conformance suite
// tests it here and with the packed package.

/** The contents, which outlive the journals opened on them. */
export class JournalMemory {
  readonly rows: Map<JournalId, JournalRow> = new Map();
  readonly snapshotted: Set<string> = new Set();
  lastId = 0;
}

/** An in-memory journal. */
export class MemoryJournal implements Journal {
  readonly #memory: JournalMemory;
  #closed = false;

  constructor(memory: JournalMemory) {
    this.#memory = memory;
  }

  async append(rows: readonly JournalRow[]): Promise<readonly JournalId[]> {
    this.#check();
    return rows.map(({ room, update }) => {
      this.#memory.lastId++;
      this.#memory.rows.set(this.#memory.lastId, { room, update: Uint8Array.from(update) });
      return this.#memory.lastId;
    });
  }

  async read(room: string) {
    this.#check();
    const rows = [...this.#memory.rows].filter(([, row]) => row.room === room);
    return {
      rows: rows.map(([id, { update }]) => ({ id, update: update.slice() })),
      snapshotted: this.#memory.snapshotted.has(room),
    };
  }

  async truncate(room: string, ids: readonly JournalId[]): Promise<void> {
    this.#check();
    for (const id of ids) {
      if (this.#memory.rows.get(id)?.room === room) this.#memory.rows.delete(id);
    }
    this.#memory.snapshotted.add(room);
  }

  async forget(room: string): Promise<void> {
    this.#check();
    for (const [id, row] of this.#memory.rows) if (row.room === room) this.#memory.rows.delete(id);
    this.#memory.snapshotted.delete(room);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw new StorageError("the journal is closed");
  }
}
