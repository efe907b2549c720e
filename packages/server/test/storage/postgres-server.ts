import { randomUUID } from "node:crypto";
import { Postgres, type PostgresOptions } from "@symphony/services/postgres";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll } from "vitest";
import { openPostgresStore, type PostgresStore } from "../../src/storage/postgres/open.ts";

/**
 * A PostgreSQL server for one test file; everything opened on it is closed after each test.
 */
export interface TestPostgres {
  readonly service: Postgres;
  /** Creates an empty database. @returns its URL */
  createDatabase(): Promise<string>;
  open(url: string): Promise<PostgresStore>;
  /** Opens a connection that is independent of the store. */
  connect(url: string): Promise<Client>;
}

const logger = pino({ level: "silent" });

export function usePostgres(options?: PostgresOptions): TestPostgres {
  const service = new Postgres(options);
  const opened: (() => Promise<void>)[] = [];

  beforeAll(() => service.start());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((close) => close()));
  });
  afterAll(() => service.stop());

  return {
    service,
    createDatabase: () => service.createDatabase(randomUUID()),
    open: async (url) => {
      const store = await openPostgresStore(url, logger);
      opened.push(() => store.close());
      return store;
    },
    connect: async (url) => {
      const client = new Client(url);
      // The database may be killed while the connection is open.
      client.on("error", (error) => logger.debug({ err: error }, "a connection of a test ended"));
      await client.connect();
      opened.push(() => client.end());
      return client;
    },
  };
}
