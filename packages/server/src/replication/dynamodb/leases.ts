import { setTimeout as sleep } from "node:timers/promises";
import { BatchGetItemCommand, type DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { Incarnation, ServerAddress } from "../registry.ts";
import { KEY, serverKey, serverOf } from "./items.ts";

/**
 * Tolerated clock difference between two servers: the end of a lease is written by the clock of
 * one, and judged by the clock of another.
 */
const GRACE_MS = 2_000;
/** How long a server that was seen alive counts as alive without another read. */
const CACHE_MS = 1_000;
/** The most items that one request may read. */
const BATCH = 100;
const PAUSE_MS = 50;

/** The lease of one server. */
interface LeaseItem {
  readonly server: ServerAddress;
  /** When it ends, in milliseconds since the epoch. */
  readonly end: number;
  readonly incarnation: Incarnation | undefined;
}

/** @param end when the lease ends; `undefined` if there is none */
export function hasLapsed(end: number | undefined): boolean {
  return end === undefined || end + GRACE_MS <= Date.now();
}

/** The leases of all servers. */
export class Leases {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  /**
   * When each was last seen alive. Dead servers are not cached: they may restart, and must not be
   * removed from rooms that they hold since.
   */
  readonly #seen: Map<ServerAddress, number> = new Map();

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  /**
   * Returns those of these servers that have no lease, or one that ended more than two seconds ago.
   */
  async lapsed(
    servers: readonly ServerAddress[],
    signal: AbortSignal,
  ): Promise<readonly ServerAddress[]> {
    const now = performance.now();
    for (const [server, at] of this.#seen) if (now - at > CACHE_MS) this.#seen.delete(server);
    const unsure = new Set(servers.filter((server) => !this.#seen.has(server)));
    const ends = await this.ends(unsure, signal);
    const lapsed: ServerAddress[] = [];
    for (const server of unsure) {
      if (hasLapsed(ends.get(server))) lapsed.push(server);
      else this.#seen.set(server, now);
    }
    return lapsed;
  }

  /**
   * Returns when the leases end, in milliseconds since the epoch. Servers without one are omitted.
   */
  async ends(
    servers: Iterable<ServerAddress>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ServerAddress, number>> {
    const leases = await this.#read(servers, signal);
    return new Map(leases.map(({ server, end }) => [server, end]));
  }

  /**
   * Returns the incarnations of servers with a lease, except those of older versions, which write
   * none.
   */
  async incarnations(
    servers: Iterable<ServerAddress>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ServerAddress, Incarnation>> {
    const found = new Map<ServerAddress, Incarnation>();
    for (const { server, end, incarnation } of await this.#read(servers, signal)) {
      if (incarnation !== undefined && !hasLapsed(end)) found.set(server, incarnation);
    }
    return found;
  }

  async #read(servers: Iterable<ServerAddress>, signal: AbortSignal): Promise<LeaseItem[]> {
    const leases: LeaseItem[] = [];
    let keys = [...servers].map(serverKey);
    while (keys.length > 0) {
      const { Responses, UnprocessedKeys } = await this.#client.send(
        new BatchGetItemCommand({
          RequestItems: { [this.#table]: { Keys: keys.slice(0, BATCH), ConsistentRead: true } },
        }),
        { abortSignal: signal },
      );
      for (const item of Responses?.[this.#table] ?? []) {
        const incarnation = item.incarnation?.N;
        leases.push({
          server: serverOf(item[KEY]),
          end: Number(item.until?.N),
          incarnation: incarnation === undefined ? undefined : Number(incarnation),
        });
      }
      const unprocessed = UnprocessedKeys?.[this.#table]?.Keys ?? [];
      // DynamoDB leaves keys unprocessed when it is overloaded.
      if (unprocessed.length > 0) await sleep(PAUSE_MS, undefined, { signal });
      keys = [...unprocessed, ...keys.slice(BATCH)];
    }
    return leases;
  }
}
