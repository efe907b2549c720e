import { isLeft } from "../../protocol/awareness.ts";
import type { PeerAwareness } from "../../replication/message.ts";
import type { Peer } from "../../replication/peer.ts";
import type { Subscriber } from "../subscriber.ts";
import { AwarenessClock } from "./awareness-clock.ts";
import { RecencyList, type Recent } from "./recency-list.ts";

/** How many clients that left are remembered per room; beyond that, the oldest are forgotten early. */
const MAX_REMEMBERED = 16_384;

/** The owner of a client: a connection of this server, or another server. */
export type AwarenessOwner = Subscriber | Peer;

/** What is known about a client id; `version` is the awareness version in which it last changed. */
export interface Known extends PeerAwareness, Recent<Known> {
  /** The newest clock with which clients of this server were shown it. */
  clock: number;
  /** `null` when the client left. */
  readonly owner: AwarenessOwner | null;
  /** The newest clock that the owner has sent, which may lag behind `clock`. */
  readonly sent: number;
  /** The owner's own clock is at least this. */
  ownClock: number;
  /** Whether its last change happened here, so that this server has to announce it to the others. */
  readonly isLocal: boolean;
  /** When the owner got it; a contestable owner keeps it for good after some seconds. */
  readonly ownedAt: number;
  readonly isContestable: boolean;
  /** When it last changed. */
  readonly at: number;
}

export type NewKnown = Omit<Known, "version" | keyof Recent<Known>>;

/**
 * The latest state of each client id, in order of change, so that the cost of finding changes depends
 * only on how much changed, not on how many clients there are.
 */
export class AwarenessTable {
  readonly clock: AwarenessClock = new AwarenessClock();
  readonly #known: Map<number, Known> = new Map();
  readonly #present: RecencyList<Known> = new RecencyList();
  /** Clients that left and are still remembered. */
  readonly #left: RecencyList<Known> = new RecencyList();
  #version = 0;
  #bytes = 0;

  /** Increases with every change. */
  get version(): number {
    return this.#version;
  }

  /** How many clients are present. */
  get size(): number {
    return this.#present.size;
  }

  /** Total size of the states of all clients that are present. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The clients that are present, least recently changed first. */
  get present(): Iterable<Known> {
    return this.#present;
  }

  get(client: number): Known | undefined {
    return this.#known.get(client);
  }

  changedSince(version: number): Known[] {
    return [...this.#left.newerThan(version), ...this.#present.newerThan(version)];
  }

  /** @param next if the client has left, `owner` is its previous owner */
  set(next: NewKnown): void {
    const { client } = next;
    const before = this.#known.get(client);
    const left = isLeft(next.state);
    const owner = left ? null : next.owner;
    if (before !== undefined) this.#unlink(before);
    const version = ++this.#version;
    this.clock.saw(next.clock, next.at);
    const known: Known = { ...next, owner, version, older: null, newer: null };
    this.#known.set(client, known);
    if (left) {
      this.#left.add(known);
      if (this.#left.size > MAX_REMEMBERED && this.#left.oldest) this.#forget(this.#left.oldest);
    } else {
      this.#present.add(known);
      this.#bytes += known.state.length;
    }
    if (before?.owner === owner) return;
    before?.owner?.clients.delete(client);
    owner?.clients.add(client);
  }

  /** Forgets the clients that left before the given time. */
  forgetLeft(before: number): void {
    for (let known = this.#left.oldest; known !== null && known.at < before; ) {
      this.#forget(known);
      known = this.#left.oldest;
    }
  }

  #forget(known: Known): void {
    this.#unlink(known);
    this.#known.delete(known.client);
  }

  #unlink(known: Known): void {
    if (isLeft(known.state)) {
      this.#left.delete(known);
    } else {
      this.#present.delete(known);
      this.#bytes -= known.state.length;
    }
  }
}
