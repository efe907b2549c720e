import type { Logger } from "pino";
import { Connections } from "../../storage/postgres/connections.ts";
import { databaseOf } from "../../storage/postgres/database.ts";
import { migrate } from "../../storage/postgres/migrate.ts";
import { probeDatabase } from "../../storage/postgres/probe.ts";
import { OwnLease } from "../own-lease.ts";
import type { Incarnation, Registry, ServerAddress } from "../registry.ts";
import { asRegistryError, STATEMENT_MS } from "./bounded.ts";
import { Holders } from "./holders.ts";
import { PostgresLeaseStore } from "./lease-store.ts";
import { PostgresRegistry } from "./registry.ts";
import { Servers } from "./servers.ts";

export interface PostgresRegistryOptions {
  /** `postgres://user:password@host:port/database`; its tables are created if they are missing. */
  readonly url: string;
  /** The address at which other servers reach this one. */
  readonly address: ServerAddress;
  /** Distinguishes this run of the server from earlier ones. */
  readonly incarnation?: Incarnation;
  readonly logger: Logger;
  /** How long this server counts as alive after its last renewal, in milliseconds. */
  readonly leaseMs?: number;
  /** How often it renews its lease, in milliseconds; a small fraction of `leaseMs`. */
  readonly renewMs?: number;
}

const LEASE_MS = 15_000;
const RENEW_MS = 4_000;

/** Connections for the rooms. The lease has one of its own. */
const ROOMS = 4;

/**
 * Takes a lease for this server, and renews it until the registry is closed. Leases end by the clock of the
 * database, so the clocks of the servers may differ.
 *
 * @throws RegistryError if the database is unreachable or cannot be written
 */
export async function openPostgresRegistry(options: PostgresRegistryOptions): Promise<Registry> {
  const { url, address, incarnation = 0, logger } = options;
  const { leaseMs = LEASE_MS, renewMs = RENEW_MS } = options;
  const opened: Connections[] = [];
  try {
    const database = await probeDatabase(databaseOf(url));
    await migrate(database, logger);
    // Connections of its own: the registry does not wait for the journal, nor the journal for it.
    const connect = (most: number) => {
      const connections = new Connections({
        database,
        most,
        statementTimeout: STATEMENT_MS,
        // Plans are cached per session, and one made while a table was empty would keep scanning it.
        // Without scans, a plan may look so expensive that compiling it seems worthwhile.
        settings: { enable_seqscan: "off", jit: "off" },
        logger,
      });
      opened.push(connections);
      return connections;
    };
    const store = new PostgresLeaseStore({
      connections: connect(1),
      address,
      incarnation,
      leaseMs,
    });
    const lease = new OwnLease({ store, leaseMs, renewMs, logger });
    const rooms = connect(ROOMS);
    await lease.start();
    const parts = { holders: new Holders(rooms), servers: new Servers(rooms) };
    return new PostgresRegistry({ address, lease, ...parts, connections: opened });
  } catch (error) {
    await Promise.all(opened.map((connections) => connections.close()));
    throw asRegistryError(error);
  }
}
