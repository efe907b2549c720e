import { OwnLease } from "../own-lease.ts";
import type { Registry } from "../registry.ts";
import { MEMBER_DEFAULTS, type RegistryMember } from "../registry-member.ts";
import { createClient } from "./client.ts";
import { DynamoLeaseStore } from "./lease-store.ts";
import { Leases } from "./leases.ts";
import { DynamoRegistry } from "./registry.ts";
import { ServerList } from "./server-list.ts";
import { ServerSets } from "./server-sets.ts";

export interface DynamoRegistryOptions extends RegistryMember {
  /** The name of a table created by `createRegistryTable`. */
  readonly table: string;
}

/**
 * Takes a lease for this server, and renews it until the registry is closed. The clocks of the
 * servers must not differ by more than two seconds.
 *
 * @throws RegistryError if the table does not exist or cannot be written
 */
export async function openDynamoRegistry(options: DynamoRegistryOptions): Promise<Registry> {
  const member = { ...MEMBER_DEFAULTS, ...options };
  const { table, address, incarnation, leaseMs, renewMs, logger } = member;
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
