import { randomUUID } from "node:crypto";
import { Postgres } from "@symphony/services/postgres";
import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import { openPostgresStore, type PostgresStore } from "../../src/storage/postgres/open.ts";
import { journalSuite } from "./journal-suite.ts";
import { metadataSuite } from "./metadata-suite.ts";
import type { TestStorage } from "./test-storage.ts";

const postgres = new Postgres();
const logger = pino({ level: "silent" });
beforeAll(() => postgres.start());
afterAll(() => postgres.stop());

journalSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata }) => {
    await metadata.close();
    return journal;
  }),
);

metadataSuite("PostgreSQL", async () =>
  storageOf(async ({ journal, metadata }) => {
    await journal.close();
    return metadata;
  }),
);

/** A database of its own. */
async function storageOf<Store>(
  pick: (store: PostgresStore) => Promise<Store>,
): Promise<TestStorage<Store>> {
  const url = await postgres.createDatabase(randomUUID());
  return {
    open: async () => pick(await openPostgresStore(url, logger)),
    // It goes with the server.
    discard: async () => {},
  };
}
