import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { toError } from "../../runtime/reason.ts";
import { pause } from "./abort.ts";
import { SHARDED } from "./connection.ts";
import { addressOf, type Endpoint } from "./endpoint.ts";
import { keySlot, SLOTS } from "./key-slot.ts";
import { Link } from "./link.ts";
import { readTopology, type SlotRange } from "./topology.ts";
import type { Channel, Transport } from "./transport.ts";

/** How often to check the topology of the Redis Cluster while something is failing. */
const DOUBT_MS = 300;
/** How often to check it otherwise: a slot can move without any error. */
const REFRESH_MS = 5_000;

interface Placement {
  readonly channel: Channel;
  readonly slot: number;
  link: Link | undefined;
}

/**
 * Links to the masters of a Redis Cluster. A channel belongs to the master that owns its slot, and
 * moves with it.
 *
 * The library's own cluster client is not used. It recovers when a master disappears, but stays
 * with a frozen master after its replica has taken over, and it does not report which subscriptions
 * were interrupted.
 */
export class ClusterLinks implements Transport {
  readonly firstOutcome: Promise<Error | undefined>;
  readonly #seeds: readonly Endpoint[];
  readonly #logger: Logger;
  /** By address. */
  readonly #links: Map<string, Link> = new Map();
  readonly #retiring: Set<Promise<void>> = new Set();
  readonly #placements: Map<string, Placement> = new Map();
  readonly #closing: AbortController = new AbortController();
  readonly #running: Promise<void>;
  readonly #heartbeat: string = `symphony:heartbeat:${randomUUID()}`;
  #owners: readonly (Link | undefined)[] = [];
  #problem: string | undefined = "the topology of the Redis Cluster is not known yet";
  #isInDoubt = true;
  #hasReported = false;

  /**
   * @param seeds servers of the cluster; the TLS setting and credentials of each also apply to
   *   the servers it reports
   */
  constructor(seeds: readonly Endpoint[], logger: Logger) {
    this.#seeds = seeds;
    this.#logger = logger;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.firstOutcome = promise;
    this.#running = this.#run(resolve);
  }

  get problem(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    for (const { problem } of this.#links.values()) if (problem !== undefined) return problem;
    return undefined;
  }

  add(channel: Channel): void {
    const placement = { channel, slot: keySlot(channel.name), link: undefined };
    this.#placements.set(channel.name, placement);
    this.#place(placement);
  }

  remove(channel: Channel): void {
    const placement = this.#placements.get(channel.name);
    if (placement?.channel !== channel) return;
    this.#placements.delete(channel.name);
    placement.link?.remove(channel);
  }

  isInForce(channel: Channel): boolean {
    return this.#placements.get(channel.name)?.link?.isInForce(channel) ?? false;
  }

  publish(channel: Channel, message: Uint8Array): void {
    this.#placements.get(channel.name)?.link?.publish(channel, message);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    for (const link of this.#links.values()) this.#retire(link);
    await Promise.all(this.#retiring);
  }

  /** Does not reject. */
  async #run(tried: (outcome: Error | undefined) => void): Promise<void> {
    const closing = this.#closing.signal;
    let refreshedAt = 0;
    while (!closing.aborted) {
      const isDue = Date.now() - refreshedAt >= REFRESH_MS;
      if (isDue || this.#isInDoubt || this.problem !== undefined) {
        this.#isInDoubt = false;
        await this.#refresh(tried);
        refreshedAt = Date.now();
      }
      await pause(DOUBT_MS, closing);
    }
  }

  async #refresh(tried: (outcome: Error | undefined) => void): Promise<void> {
    const { signal } = this.#closing;
    const working = [...this.#links.values()].filter(({ problem }) => problem === undefined);
    try {
      const ranges = await readTopology(working, this.#seeds, signal);
      if (signal.aborted) return;
      this.#apply(ranges);
      const outcomes = [...this.#links.values()].map(({ firstOutcome }) => firstOutcome);
      void Promise.all(outcomes).then((all) => tried(all.find((outcome) => outcome !== undefined)));
    } catch (error) {
      const reason = toError(error);
      this.#problem = reason.message;
      tried(reason);
      if (!this.#hasReported && !signal.aborted) {
        this.#logger.warn(
          { reason: reason.message },
          "no server of the Redis Cluster is responding",
        );
      }
      this.#hasReported = true;
    }
  }

  #apply(ranges: readonly SlotRange[]): void {
    const owners = new Array<Link | undefined>(SLOTS).fill(undefined);
    for (const { from, to, server } of ranges) owners.fill(this.#linkTo(server), from, to + 1);
    this.#owners = owners;
    for (const placement of this.#placements.values()) this.#place(placement);
    const used = new Set(owners);
    for (const [address, link] of this.#links) {
      if (used.has(link)) continue;
      this.#links.delete(address);
      this.#retire(link);
    }
    this.#problem = used.has(undefined)
      ? "some slots of the Redis Cluster have no server"
      : undefined;
    this.#hasReported = false;
  }

  #place(placement: Placement): void {
    const owner = this.#owners[placement.slot];
    if (placement.link === owner) return;
    placement.link?.remove(placement.channel);
    placement.link = owner;
    owner?.add(placement.channel);
  }

  #linkTo(endpoint: Endpoint): Link {
    const address = addressOf(endpoint);
    const known = this.#links.get(address);
    if (known !== undefined) return known;
    const link: Link = new Link({
      endpoint,
      pubSub: SHARDED,
      heartbeat: () => this.#heartbeatOf(link),
      onDoubt: () => {
        this.#isInDoubt = true;
      },
      logger: this.#logger,
    });
    this.#links.set(address, link);
    return link;
  }

  /** Returns a channel name whose slot this server owns. */
  #heartbeatOf(link: Link): string {
    if (!this.#owners.includes(link)) return this.#heartbeat;
    for (let number = 0; ; number++) {
      const name = `${this.#heartbeat}:${number}`;
      if (this.#owners[keySlot(name)] === link) return name;
    }
  }

  #retire(link: Link): void {
    const closed = link.close().finally(() => this.#retiring.delete(closed));
    this.#retiring.add(closed);
  }
}
