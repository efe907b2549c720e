import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { MetadataWriter } from "../../src/metadata/metadata-writer.ts";
import { alone } from "../../src/replication/cluster.ts";
import { UNKNOWN } from "../../src/room/origin.ts";
import { RoomTable } from "../../src/room/room-table.ts";
import { observe } from "../../src/server/observe.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";
import { waitFor } from "../support/wait-for.ts";

const ROOM = "room";
const logger = pino({ level: "silent" });

async function openStore(): Promise<SqliteStore> {
  const directory = await mkdtemp(join(tmpdir(), "symphony-deleted-"));
  const store = await openSqliteStore(directory, logger);
  onTestFinished(async () => {
    await store.close();
    await rm(directory, { recursive: true });
  });
  return store;
}

/** Opens the rooms of a store. */
function open(store: SqliteStore, collect: boolean): RoomTable {
  const metadata = new MetadataWriter(store.metadata, logger);
  const documents = new RoomTable({
    stores: store,
    cluster: alone("127.0.0.1:1"),
    observer: observe({ metadata }),
    logger,
    snapshotInterval: 60_000,
    unloadDelay: 0,
    collect,
  });
  onTestFinished(async () => {
    await documents.close(AbortSignal.timeout(5_000));
    await metadata.close();
  });
  return documents;
}

/** A client that has written more than fits into one compaction, then deleted most of it. */
function author() {
  const doc = new Y.Doc({ gc: false });
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const text = doc.getText("text");
  for (let i = 0; i < 200; i++) text.insert(i % 2 ? 0 : text.length, "word ".repeat(200));
  const version = { snapshot: Y.snapshot(doc), text: text.toString() };
  for (let i = 0; i < 199; i++) text.delete(500, 1_000);
  return { updates, version, text: text.toString() };
}

type Author = ReturnType<typeof author>;

/** Writes everything. Resolves once it is durable and in the base. */
async function write(documents: RoomTable, { updates }: Author): Promise<() => void> {
  const session = await documents.open(ROOM);
  const { room: document } = session;
  for (const update of updates) document.submit(update, UNKNOWN);
  await documents.whenDurable(document, document.log.end);
  await waitFor(() => document.log.baseEnd > 0, { message: "the document has been compacted" });
  return () => session[Symbol.dispose]();
}

/** Returns the current text of the room, and whether its older version can still be restored. */
async function read(documents: RoomTable, { version }: Author) {
  const session = await documents.open(ROOM);
  const doc = new Y.Doc({ gc: false });
  for (const update of documents.inspect(ROOM)?.updates ?? []) Y.applyUpdate(doc, update);
  session[Symbol.dispose]();
  const restored = Y.createDocFromSnapshot(doc, version.snapshot).getText("text").toString();
  return { text: doc.getText("text").toString(), isRestored: restored === version.text };
}

describe.each([
  { collect: true, what: "is dropped" },
  { collect: false, what: "is kept" },
])("with GC=$collect, deleted content $what", ({ collect }) => {
  it("when a document is compacted, saved and reopened", async () => {
    const documents = open(await openStore(), collect);
    const someone = author();
    const leave = await write(documents, someone);
    const expected = { text: someone.text, isRestored: !collect };
    leave();
    await waitFor(() => documents.size === 0, { message: "the room has been unloaded" });
    expect(await read(documents, someone)).toEqual(expected);
  });

  it("when a document is opened from the journal", async () => {
    const store = await openStore();
    const someone = author();
    await write(open(store, collect), someone);
    // As after a crash: only the journal was stored.
    const next = open(store, collect);
    expect(await store.snapshots.read(ROOM)).toBeNull();
    expect(await read(next, someone)).toEqual({ text: someone.text, isRestored: !collect });
  });
});

it("aborts a compaction when the document is deleted", async () => {
  const documents = open(await openStore(), true);
  const session = await documents.open(ROOM);
  const { room: document } = session;
  const [update = new Uint8Array()] = author().updates;
  document.submit(update, UNKNOWN);
  await documents.whenDurable(document, document.log.end);
  const compacted = document.compact();
  await documents.drop(ROOM);
  await expect(compacted).rejects.toThrow(`room "${ROOM}" has been deleted`);
  expect(documents.snapshotProblem).toBeUndefined();
});
