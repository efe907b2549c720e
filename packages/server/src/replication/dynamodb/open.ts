import type { Logger } from "pino";
import { OwnLease } from "../own-lease.ts";
import type { Incarnation, Registry, ServerAddress } from "../registry.ts";
import { createClient } from "./client.ts";
import { DynamoLeaseStore } from "./lease-store.ts";
import { Leases } from "./leases.ts";
import { DynamoRegistry } from "./registry.ts";
import { ServerList } from "./server-list.ts";
import { ServerSets } from "./server-sets.ts";

export interface DynamoRegistryOptions {
  /** The name of a table created by `createRegistryTable`. */
  readonly table: string;
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

/**
 * Takes a lease for this server, and renews it until the registry is closed. The clocks of the
 * servers must not differ by more than two seconds.
 *
 * @throws RegistryError if the table does not exist or cannot be written
 */
export async function openDynamoRegistry(options: DynamoRegistryOptions): Promise<Registry> {
  const { table, address, incarnation = 0, logger } = options;
  const { leaseMs = LEASE_MS, renewMs = RENEW_MS } = options;
  const client = createClient();
  const sets = new ServerSets(client, table);
  const leases = new Leases(client, table);
  const list = new ServerList(sets, leases);
  const store = new DynamoLeaseStore({ client, table, address, incarnation, list });
  const lease = new OwnLease({ store, leaseMs, renewMs, logger });
  try {
    await lease.start();
  } catch (error) {
    client.destroy();
    throw error;
  }
  return new DynamoRegistry({ client, table, address, lease, leases, sets, list });
}
