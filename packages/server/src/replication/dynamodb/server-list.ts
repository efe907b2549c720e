import type { ServerAddress } from "../registry.ts";
import { ALL_SERVERS_KEY } from "./items.ts";
import type { Leases } from "./leases.ts";
import type { ServerSets } from "./server-sets.ts";

/** How long a server stays listed after its lease has ended. */
const LISTED_MS = 60 * 60 * 1_000;

/** All servers that were not closed: one item names them, so that the table is never scanned. */
export class ServerList {
  readonly #sets: ServerSets;
  readonly #leases: Leases;

  constructor(sets: ServerSets, leases: Leases) {
    this.#sets = sets;
    this.#leases = leases;
  }

  /** Adds a server that has a lease. */
  async add(server: ServerAddress, signal: AbortSignal): Promise<void> {
    await this.#sets.add(ALL_SERVERS_KEY, server, signal);
  }

  /**
   * Returns the listed servers, each with the end of its lease. Servers that have released their
   * lease, or whose lease ended an hour ago, are removed from the list. A server takes its lease
   * before it is listed, and if any server has added itself in the meantime, none is removed; so a
   * returning server is never removed by mistake.
   */
  async read(signal: AbortSignal): Promise<ReadonlyMap<ServerAddress, number>> {
    const membership = await this.#sets.read(ALL_SERVERS_KEY, signal);
    const ends = await this.#leases.ends(membership.servers, signal);
    const now = Date.now();
    const listed = new Map([...ends].filter(([, end]) => end + LISTED_MS > now));
    const gone = membership.servers.filter((server) => !listed.has(server));
    if (gone.length > 0) await this.#sets.removeDead(ALL_SERVERS_KEY, gone, membership, signal);
    return listed;
  }
}
