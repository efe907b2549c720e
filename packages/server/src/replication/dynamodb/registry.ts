import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { OwnLease } from "../own-lease.ts";
import type {
  AllServers,
  Incarnation,
  LeaseState,
  OtherHolders,
  Registry,
  ServerAddress,
} from "../registry.ts";
import { bounded, OPERATION_MS } from "./bounded.ts";
import { roomKey } from "./items.ts";
import { hasLapsed, type Leases } from "./leases.ts";
import type { ServerList } from "./server-list.ts";
import type { ServerSets } from "./server-sets.ts";

/** The parts of the registry, which share its table. */
export interface DynamoRegistryParts {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly address: ServerAddress;
  /** Already started. */
  readonly lease: OwnLease;
  readonly leases: Leases;
  readonly sets: ServerSets;
  readonly list: ServerList;
}

/** The registry in a DynamoDB table. Every call ends within five seconds. */
export class DynamoRegistry implements Registry {
  readonly #parts: DynamoRegistryParts;

  constructor(parts: DynamoRegistryParts) {
    this.#parts = parts;
  }

  get lease(): LeaseState {
    return this.#parts.lease.state;
  }

  get problem(): string | undefined {
    return this.#parts.lease.problem;
  }

  hold(room: string): Promise<OtherHolders> {
    const { address, lease, sets } = this.#parts;
    return this.#bounded(async (signal) => {
      // Without a lease, others would remove this server from the room as soon as it is added.
      if (!lease.inOrder) await lease.renew();
      const membership = await sets.add(roomKey(room), address, signal);
      const others = membership.servers.filter((server) => server !== address);
      const lapsed = await this.#dead(others, signal);
      if (lapsed.length > 0) await sets.removeDead(roomKey(room), lapsed, membership, signal);
      return { alive: others.filter((server) => !lapsed.includes(server)), lapsed };
    });
  }

  release(room: string): Promise<void> {
    const { address, sets } = this.#parts;
    return this.#bounded((signal) => sets.remove(roomKey(room), address, signal));
  }

  lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]> {
    return this.#bounded((signal) => this.#dead(servers, signal));
  }

  incarnations(
    servers: readonly ServerAddress[],
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>> {
    return this.#bounded((signal) => this.#parts.leases.incarnations(servers, signal));
  }

  servers(): Promise<AllServers> {
    return this.#bounded(async (signal) => {
      const { lease, list } = this.#parts;
      const ends = await list.read(signal);
      const mayJudge = lease.mayJudge;
      const alive: ServerAddress[] = [];
      const lapsed: ServerAddress[] = [];
      for (const [server, end] of ends) (mayJudge && hasLapsed(end) ? lapsed : alive).push(server);
      return { alive, lapsed };
    });
  }

  onRejoined(listener: () => void): void {
    this.#parts.lease.onRejoined(listener);
  }

  async close(): Promise<void> {
    await this.#parts.lease.close();
    this.#parts.client.destroy();
  }

  async #dead(
    servers: readonly ServerAddress[],
    signal: AbortSignal,
  ): Promise<readonly ServerAddress[]> {
    const { lease, leases } = this.#parts;
    const lapsed = await leases.lapsed(servers, signal);
    // Checked afterwards: the own lease may have expired while the others were read.
    return lease.mayJudge ? lapsed : [];
  }

  #bounded<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return bounded(this.#parts.table, OPERATION_MS, work);
  }
}
