import { type Incarnation, RegistryError, type ServerAddress } from "../registry.ts";
import { MemoryRegistry, type MemoryRegistryOptions } from "./registry.ts";

export interface Lease {
  readonly incarnation: Incarnation;
  /** When it lapses, by the clock of the table. */
  readonly until: number;
}

/** A server that died belongs to the cluster for so long. */
const MEMBERSHIP_MS = 60 * 60 * 1_000;

/**
 * Where servers of one process find each other, as a table of DynamoDB is for servers anywhere: who has a
 * lease, and who holds which room. Each server opens a registry on it.
 */
export class RegistryTable {
  readonly #clock: () => number;
  /** Of the servers that were not closed, also when they have lapsed. */
  readonly #leases: Map<ServerAddress, Lease> = new Map();
  readonly #holders: Map<string, Set<ServerAddress>> = new Map();
  #outage: string | undefined;

  /** @param clock gives milliseconds since any time; never fewer than before */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  get now(): number {
    return this.#clock();
  }

  /** Joins as one more server. @throws RegistryError during an outage */
  async open(options: MemoryRegistryOptions): Promise<MemoryRegistry> {
    return new MemoryRegistry(this, options);
  }

  /** Begins an outage, in which every registry fails. @param reason the message of their errors */
  interrupt(reason: string): void {
    this.#outage = reason;
  }

  /** Ends the outage, if there is one. */
  restore(): void {
    this.#outage = undefined;
  }

  /** @throws RegistryError during an outage */
  assertReachable(): void {
    if (this.#outage !== undefined) throw new RegistryError(this.#outage);
  }

  lease(server: ServerAddress): Lease | undefined {
    return this.#leases.get(server);
  }

  setLease(server: ServerAddress, lease: Lease): void {
    this.#leases.set(server, lease);
  }

  /** Removes a lease, unless a later run has one at the address. During an outage it lapses by itself. */
  giveUp(server: ServerAddress, lease: Lease): void {
    if (this.#outage !== undefined || this.#leases.get(server) !== lease) return;
    this.#leases.delete(server);
  }

  hasLapsed(server: ServerAddress): boolean {
    const lease = this.#leases.get(server);
    return lease === undefined || lease.until <= this.now;
  }

  /** All servers of the cluster. */
  members(): readonly ServerAddress[] {
    for (const [server, { until }] of this.#leases) {
      if (until + MEMBERSHIP_MS <= this.now) this.#leases.delete(server);
    }
    return [...this.#leases.keys()];
  }

  holders(room: string): readonly ServerAddress[] {
    return [...(this.#holders.get(room) ?? [])];
  }

  addHolder(room: string, server: ServerAddress): void {
    this.#holders.set(room, (this.#holders.get(room) ?? new Set()).add(server));
  }

  removeHolder(room: string, server: ServerAddress): void {
    const holders = this.#holders.get(room);
    if (holders?.delete(server) && holders.size === 0) this.#holders.delete(room);
  }
}
