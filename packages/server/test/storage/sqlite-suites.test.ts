import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { journalSuite } from "../../src/conformance/journal-suite.ts";
import { metadataSuite } from "../../src/conformance/metadata-suite.ts";
import { snapshotsSuite } from "../../src/conformance/snapshots-suite.ts";
import type { TestStorage } from "../../src/conformance/test-storage.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";
import { eventQueueSuite } from "./event-queue-suite.ts";
import { journalRoomsSuite } from "./journal-rooms-suite.ts";
import { outboxSuite } from "./outbox-suite.ts";

journalSuite("SQLite", async () =>
  storageOf(async ({ journal, snapshots, metadata }) => {
    await Promise.all([snapshots.close(), metadata.close()]);
    return journal;
  }),
);

journalRoomsSuite("SQLite", async () =>
  storageOf(async ({ journal, snapshots, metadata }) => {
    await Promise.all([snapshots.close(), metadata.close()]);
    return journal;
  }),
);

snapshotsSuite("SQLite", async () =>
  storageOf(async ({ journal, snapshots, metadata }) => {
    await Promise.all([journal.close(), metadata.close()]);
    return snapshots;
  }),
);

metadataSuite("SQLite", async () =>
  storageOf(async ({ journal, snapshots, metadata }) => {
    await Promise.all([journal.close(), snapshots.close()]);
    return metadata;
  }),
);

outboxSuite("SQLite", async () =>
  storageOf(async ({ journal, snapshots, metadata, outbox }) => {
    await Promise.all([journal.close(), snapshots.close()]);
    return { outbox, close: () => metadata.close() };
  }),
);

eventQueueSuite("SQLite", async () =>
  storageOf(async ({ journal, snapshots, metadata, events }) => {
    await Promise.all([journal.close(), snapshots.close()]);
    return { events, close: () => metadata.close() };
  }),
);

/** `pick` must close the other stores, so that closing the returned one releases the directory. */
async function storageOf<Store>(
  pick: (store: SqliteStore) => Promise<Store>,
): Promise<TestStorage<Store>> {
  const directory = await mkdtemp(join(tmpdir(), "sqlite-suites-"));
  return {
    open: async () => pick(await openSqliteStore(directory)),
    discard: () => rm(directory, { recursive: true }),
  };
}
