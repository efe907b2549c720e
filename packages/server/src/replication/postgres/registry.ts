import type { Connections } from "../../storage/postgres/connections.ts";
import type { OwnLease } from "../own-lease.ts";
import type {
  AllServers,
  Incarnation,
  LeaseState,
  OtherHolders,
  Registry,
  ServerAddress,
} from "../registry.ts";
import { bounded } from "./bounded.ts";
import type { Holders } from "./holders.ts";
import type { Servers } from "./servers.ts";

/** The parts of the registry, which share its tables. */
export interface PostgresRegistryParts {
  readonly address: ServerAddress;
  /** Already started. */
  readonly lease: OwnLease;
  readonly holders: Holders;
  readonly servers: Servers;
  /** All connections that the parts use; closed with the registry. */
  readonly connections: readonly Connections[];
}

/** The registry in tables that all servers share. Every call ends within five seconds. */
export class PostgresRegistry implements Registry {
  readonly #parts: PostgresRegistryParts;

  constructor(parts: PostgresRegistryParts) {
    this.#parts = parts;
  }

  get lease(): LeaseState {
    return this.#parts.lease.state;
  }

  get problem(): string | undefined {
    return this.#parts.lease.problem;
  }

  hold(room: string): Promise<OtherHolders> {
    const { address, lease, holders } = this.#parts;
    return bounded(async () => {
      // Without a lease, others would remove this server from the room as soon as it is added.
      if (!lease.inOrder) await lease.renew();
      const others = await holders.add(room, address);
      // Checked afterwards: the own lease may have expired while the others were read.
      const dead = lease.mayJudge ? others.filter(({ lapsed }) => lapsed) : [];
      if (dead.length > 0) await holders.removeDead(room, dead);
      return {
        alive: others.filter((other) => !dead.includes(other)).map(({ server }) => server),
        lapsed: dead.map(({ server }) => server),
      };
    });
  }

  release(room: string): Promise<void> {
    const { address, holders } = this.#parts;
    return bounded(() => holders.remove(room, address));
  }

  lapsed(servers: readonly ServerAddress[]): Promise<readonly ServerAddress[]> {
    return bounded(async () => {
      const lapsed = await this.#parts.servers.lapsed(servers);
      return this.#parts.lease.mayJudge ? lapsed : [];
    });
  }

  incarnations(
    servers: readonly ServerAddress[],
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>> {
    return bounded(() => this.#parts.servers.incarnations(servers));
  }

  servers(): Promise<AllServers> {
    return bounded(async () => {
      const all = await this.#parts.servers.all();
      const { mayJudge } = this.#parts.lease;
      const isLapsed = ({ lapsed }: { readonly lapsed: boolean }) => mayJudge && lapsed;
      return {
        alive: all.filter((server) => !isLapsed(server)).map(({ address }) => address),
        lapsed: all.filter(isLapsed).map(({ address }) => address),
      };
    });
  }

  onRejoined(listener: () => void): void {
    this.#parts.lease.onRejoined(listener);
  }

  async close(): Promise<void> {
    const { lease, connections } = this.#parts;
    await lease.close();
    await Promise.all(connections.map((pool) => pool.close()));
  }
}
