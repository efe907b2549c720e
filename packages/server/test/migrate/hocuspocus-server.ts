import { DatabaseSync } from "node:sqlite";
import { type Hocuspocus, Server } from "@hocuspocus/server";
import { onTestFinished } from "vitest";
import * as Y from "yjs";

/** The table of `@hocuspocus/extension-sqlite` 4.7, whose driver would have to be compiled here. */
const SCHEMA = `CREATE TABLE IF NOT EXISTS "documents" (
  "name" varchar(255) NOT NULL,
  "data" blob NOT NULL,
  UNIQUE(name)
)`;
const SELECT = `SELECT data FROM "documents" WHERE name = $name ORDER BY rowid DESC`;
const UPSERT = `INSERT INTO "documents" ("name", "data") VALUES ($name, $data)
  ON CONFLICT(name) DO UPDATE SET data = $data`;

export interface HocuspocusServer {
  readonly hocuspocus: Hocuspocus;
  /** Opens a document like server-side code, changes it, and resolves when it is stored. */
  edit(name: string, change: (doc: Y.Doc) => void): Promise<void>;
  /** Writes any bytes into the table. */
  put(name: string, data: Uint8Array): void;
}

/** Starts a real Hocuspocus that stores its documents in a file like its SQLite extension. */
export async function startHocuspocus(file: string): Promise<HocuspocusServer> {
  const database = new DatabaseSync(file);
  database.exec(SCHEMA);
  const put = (name: string, data: Uint8Array) => {
    database.prepare(UPSERT).run({ name, data });
  };
  const server = new Server({
    address: "127.0.0.1",
    port: 0,
    quiet: true,
    stopOnSignals: false,
    debounce: 0,
    onLoadDocument: async ({ document, documentName }) => {
      const row = database.prepare(SELECT).get({ name: documentName });
      if (row?.data instanceof Uint8Array) Y.applyUpdate(document, row.data);
    },
    onStoreDocument: async ({ document, documentName }) => {
      put(documentName, Buffer.from(Y.encodeStateAsUpdate(document)));
    },
  });
  await server.listen();
  onTestFinished(async () => {
    await server.destroy();
    database.close();
  });
  return {
    hocuspocus: server.hocuspocus,
    put,
    async edit(name, change) {
      const connection = await server.hocuspocus.openDirectConnection(name);
      await connection.transact(change);
      await connection.disconnect();
    },
  };
}
