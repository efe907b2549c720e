import { Connections } from "../../storage/postgres/connections.ts";
import { databaseOf } from "../../storage/postgres/database.ts";
import { migrate } from "../../storage/postgres/migrate.ts";
import { probeDatabase } from "../../storage/postgres/probe.ts";
import { OwnLease } from "../own-lease.ts";
import type { Registry } from "../registry.ts";
import { MEMBER_DEFAULTS, type RegistryMember } from "../registry-member.ts";
import { asRegistryError, STATEMENT_MS } from "./bounded.ts";
import { Holders } from "./holders.ts";
import { PostgresLeaseStore } from "./lease-store.ts";
import { PostgresRegistry } from "./registry.ts";
import { Servers } from "./servers.ts";

export interface PostgresRegistryOptions extends RegistryMember {
  /** `postgres://user:password@host:port/database`; its tables are created if they are missing. */
  readonly url: string;
}

/** Connections for the rooms. The lease has one of its own. */
const ROOMS = 4;

/**
 * Takes a lease for this server, and renews it until the registry is closed. Leases end by the clock of the
 * database, so the clocks of the servers may differ.
 *
 * @throws RegistryError if the database is unreachable or cannot be written
 */
export async function openPostgresRegistry(options: PostgresRegistryOptions): Promise<Registry> {
  const member = { ...MEMBER_DEFAULTS, ...options };
  const { url, address, incarnation, leaseMs, renewMs, logger } = member;
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
