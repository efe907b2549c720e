import type { Client } from "pg";
import { pino } from "pino";
import { afterEach, beforeEach } from "vitest";
import { LEASE_MS, RENEW_MS } from "../../src/conformance/test-registry.ts";
import { openPostgresRegistry } from "../../src/replication/postgres/open.ts";
import type { Incarnation, Registry, ServerAddress } from "../../src/replication/registry.ts";
import type { TestPostgres } from "../storage/postgres-server.ts";

/** Longer than a test lasts. */
export const NEVER_MS = 1_000_000;

/** Joins as a server with a short lease. */
export function openServer(
  url: string,
  address: ServerAddress,
  incarnation: Incarnation = 1,
  renewMs: number = RENEW_MS,
): Promise<Registry> {
  const logger = pino({ level: "silent" });
  return openPostgresRegistry({ url, address, incarnation, logger, leaseMs: LEASE_MS, renewMs });
}

/** What `useServers` provides to a test. */
export interface Servers {
  readonly url: string;
  /** Two connections that are independent of the servers, so that one may hold locks. */
  readonly database: Client;
  readonly observer: Client;
  /** Opens a registry that is closed after the test. */
  open(address: ServerAddress, incarnation?: Incarnation, renewMs?: number): Promise<Registry>;
}

/** Gives every test of the surrounding `describe` its own database. */
export function useServers(postgres: TestPostgres): Servers {
  let url = "";
  let clients: readonly Client[] = [];
  let opened: Registry[] = [];

  beforeEach(async () => {
    url = await postgres.createDatabase();
    clients = [await postgres.connect(url), await postgres.connect(url)];
  });
  afterEach(async () => {
    await Promise.all(opened.map((registry) => registry.close()));
    opened = [];
  });

  return {
    get url() {
      return url;
    },
    get database() {
      return there(clients[0]);
    },
    get observer() {
      return there(clients[1]);
    },
    async open(address, incarnation, renewMs) {
      const registry = await openServer(url, address, incarnation, renewMs);
      opened.push(registry);
      return registry;
    },
  };
}

function there(client: Client | undefined): Client {
  if (client === undefined) throw new Error("the database is only there during a test");
  return client;
}
