import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { OtherHolders, Registry, ServerAddress } from "../registry.ts";
import { bounded, OPERATION_MS } from "./bounded.ts";
import { Leases } from "./leases.ts";
import type { OwnLease } from "./own-lease.ts";
import { Rooms } from "./rooms.ts";

/** The registry in a DynamoDB table. Every call ends within five seconds. */
export class DynamoRegistry implements Registry {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #address: ServerAddress;
  readonly #lease: OwnLease;
  readonly #leases: Leases;
  readonly #rooms: Rooms;

  /** @param lease which has been started */
  constructor(client: DynamoDBClient, table: string, address: ServerAddress, lease: OwnLease) {
    this.#client = client;
    this.#table = table;
    this.#address = address;
    this.#lease = lease;
    this.#leases = new Leases(client, table);
    this.#rooms = new Rooms(client, table);
  }

  get problem(): string | undefined {
    return this.#lease.problem;
  }

  hold(room: string): Promise<OtherHolders> {
    return this.#bounded(async (signal) => {
      // Without a lease, others would take this server out of the room as soon as it is in.
      if (!this.#lease.inOrder) await this.#lease.renew();
      const membership = await this.#rooms.add(room, this.#address, signal);
      const others = membership.servers.filter((server) => server !== this.#address);
      const lapsed = await this.#dead(others, signal);
      if (lapsed.length > 0) await this.#rooms.removeDead(room, lapsed, membership, signal);
      return { alive: others.filter((server) => !lapsed.includes(server)), lapsed };
    });
  }

  release(room: string): Promise<void> {
    return this.#bounded((signal) => this.#rooms.remove(room, this.#address, signal));
  }

  lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]> {
    return this.#bounded((signal) => this.#dead(servers, signal));
  }

  onRejoined(listener: () => void): void {
    this.#lease.onRejoined(listener);
  }

  async close(): Promise<void> {
    await this.#lease.close();
    this.#client.destroy();
  }

  async #dead(
    servers: readonly ServerAddress[],
    signal: AbortSignal,
  ): Promise<readonly ServerAddress[]> {
    const lapsed = await this.#leases.lapsed(servers, signal);
    // Asked afterwards: the lease may have lapsed while the others' were read.
    return this.#lease.mayJudge ? lapsed : [];
  }

  #bounded<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return bounded(this.#table, OPERATION_MS, work);
  }
}
