import { DatabaseSync, type StatementSync } from "node:sqlite";
import { messageOf } from "../document.ts";
import type { Source } from "../source.ts";

/** The server writes there meanwhile; no lock of its lasts as long. */
const BUSY_MS = 10_000;

/** The database file of Hocuspocus' SQLite extension: a table with the columns `name` and `data`. */
export class HocuspocusSource implements Source {
  readonly #database: DatabaseSync;
  readonly #names: StatementSync;
  readonly #document: StatementSync;

  /** @throws Error when it is no such database */
  constructor(path: string, table: string) {
    const quoted = `"${table.replaceAll('"', '""')}"`;
    try {
      this.#database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
      this.#names = this.#database.prepare(`SELECT DISTINCT name FROM ${quoted}`);
      // A statement per document: one that takes long would keep the server from writing.
      this.#document = this.#database.prepare(
        `SELECT data FROM ${quoted} WHERE name = ? ORDER BY rowid DESC`,
      );
    } catch (cause) {
      throw new Error(`could not read the table ${quoted} of ${path}: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  async *names(): AsyncGenerator<string> {
    for (const { name } of this.#names.all()) yield String(name);
  }

  async read(name: string): Promise<readonly Uint8Array[]> {
    const row = this.#document.get(name);
    if (row === undefined) throw new Error("it has been deleted meanwhile");
    if (row.data instanceof Uint8Array) return [row.data];
    throw new Error(`its data is no blob, but ${row.data === null ? "NULL" : typeof row.data}`);
  }

  /** Hocuspocus names documents in its messages, not in URLs: nothing is encoded. */
  roomOf(name: string): string {
    return name;
  }

  async close(): Promise<void> {
    this.#database.close();
  }
}
