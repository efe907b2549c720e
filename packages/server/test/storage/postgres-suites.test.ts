import { journalSuite } from "../../src/conformance/journal-suite.ts";
import { metadataSuite } from "../../src/conformance/metadata-suite.ts";
import { snapshotsSuite } from "../../src/conformance/snapshots-suite.ts";
import type { TestStorage } from "../../src/conformance/test-storage.ts";
import type { PostgresStore } from "../../src/storage/postgres/open.ts";
import { eventQueueSuite } from "./event-queue-suite.ts";
import { journalRoomsSuite } from "./journal-rooms-suite.ts";
import { outboxSuite } from "./outbox-suite.ts";
import { usePostgres } from "./postgres-server.ts";

const postgres = usePostgres({ fsync: false });

journalSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata }) => {
    await metadata.close();
    return journal;
  }),
);

journalRoomsSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata }) => {
    await metadata.close();
    return journal;
  }),
);

snapshotsSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata, snapshots }) => {
    await Promise.all([journal.close(), metadata.close()]);
    return snapshots;
  }),
);

metadataSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata }) => {
    await journal.close();
    return metadata;
  }),
);

outboxSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata, outbox }) => {
    await journal.close();
    return { outbox, close: () => metadata.close() };
  }),
);

eventQueueSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata, events }) => {
    await journal.close();
    return { events, close: () => metadata.close() };
  }),
);

/** Creates storage in its own database. */
async function storageOf<Store>(
  pick: (store: PostgresStore) => Promise<Store>,
): Promise<TestStorage<Store>> {
  const url = await postgres.createDatabase();
  return {
    open: async () => pick(await postgres.open(url)),
    // The database is removed with the server.
    discard: async () => {},
  };
}
