import { reasonOf } from "../../runtime/reason.ts";
import {
  type AllServers,
  type Incarnation,
  type LeaseState,
  type OtherHolders,
  type Registry,
  RegistryError,
  type ServerAddress,
} from "../registry.ts";
import { MEMBER_DEFAULTS, type RegistryMember } from "../registry-member.ts";

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
  async open(options: RegistryMember): Promise<MemoryRegistry> {
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

/** One server's registry on a table in memory. A call takes effect before it returns. */
export class MemoryRegistry implements Registry {
  readonly #table: RegistryTable;
  readonly #options: Required<RegistryMember>;
  readonly #listeners: (() => void)[] = [];
  #lease: Lease;
  #judgesFrom = Number.NEGATIVE_INFINITY;
  #problem: string | undefined;
  #renewing: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Takes a lease, and renews it until it is closed. @throws RegistryError during an outage */
  constructor(table: RegistryTable, options: RegistryMember) {
    this.#table = table;
    this.#options = { ...MEMBER_DEFAULTS, ...options };
    this.#lease = this.#take();
    this.#renewRegularly();
  }

  get lease(): LeaseState {
    return !this.#isClosed && this.#table.now < this.#lease.until ? "held" : "lapsed";
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async hold(room: string): Promise<OtherHolders> {
    this.#assertUsable();
    // Without a lease, others would take this server out of the room as soon as it is in.
    if (this.lease === "lapsed") this.#renew();
    const { address } = this.#options;
    this.#table.addHolder(room, address);
    const others = this.#table.holders(room).filter((server) => server !== address);
    const { alive, lapsed } = this.#judge(others);
    for (const server of lapsed) this.#table.removeHolder(room, server);
    return { alive, lapsed };
  }

  async release(room: string): Promise<void> {
    this.#assertUsable();
    this.#table.removeHolder(room, this.#options.address);
  }

  async lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]> {
    this.#assertUsable();
    return this.#judge([...new Set(servers)]).lapsed;
  }

  async incarnations(
    servers: readonly ServerAddress[],
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>> {
    this.#assertUsable();
    const found = new Map<ServerAddress, Incarnation>();
    for (const server of servers) {
      const lease = this.#table.lease(server);
      if (lease !== undefined) found.set(server, lease.incarnation);
    }
    return found;
  }

  async servers(): Promise<AllServers> {
    this.#assertUsable();
    return this.#judge(this.#table.members());
  }

  onRejoined(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Stops renewing the lease, as a process that was frozen or killed does. */
  suspend(): void {
    clearInterval(this.#renewing);
  }

  /** Renews the lease again, at once and then regularly. */
  resume(): void {
    this.#tryToRenew();
    this.#renewRegularly();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#renewing);
    this.#table.giveUp(this.#options.address, this.#lease);
  }

  #judge(servers: readonly ServerAddress[]): AllServers {
    if (!this.#mayJudge) return { alive: servers, lapsed: [] };
    const lapsed = servers.filter((server) => this.#table.hasLapsed(server));
    return { alive: servers.filter((server) => !lapsed.includes(server)), lapsed };
  }

  /** What kept this server from renewing its lease kept the others too, and they need some time. */
  get #mayJudge(): boolean {
    const isInOrder = this.lease === "held" && this.#problem === undefined;
    return isInOrder && this.#table.now >= this.#judgesFrom;
  }

  #renewRegularly(): void {
    clearInterval(this.#renewing);
    this.#renewing = setInterval(() => this.#tryToRenew(), this.#options.renewMs).unref();
  }

  #tryToRenew(): void {
    try {
      this.#renew();
    } catch (error) {
      this.#problem = reasonOf(error);
    }
  }

  /** @throws RegistryError during an outage */
  #renew(): void {
    const hadLapsed = this.lease === "lapsed";
    this.#lease = this.#take();
    if (hadLapsed || this.#problem !== undefined) {
      this.#judgesFrom = this.#table.now + this.#options.leaseMs;
    }
    this.#problem = undefined;
    if (hadLapsed) this.#announce();
  }

  #take(): Lease {
    this.#table.assertReachable();
    const { address, incarnation, leaseMs } = this.#options;
    const lease = { incarnation, until: this.#table.now + leaseMs };
    this.#table.setLease(address, lease);
    return lease;
  }

  #announce(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.error({ err: error }, "a listener failed when the lease was regained");
      }
    }
  }

  #assertUsable(): void {
    if (this.#isClosed) throw new RegistryError("the registry is closed");
    this.#table.assertReachable();
  }
}
