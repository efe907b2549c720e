import { isLeft } from "../protocol/awareness.ts";
import type { PeerAwareness } from "../replication/message.ts";
import type { Peer } from "../replication/peer.ts";
import { RecencyList, type Recent } from "./recency-list.ts";
import type { Subscriber } from "./subscriber.ts";

/** How many that left are remembered in one room; then the oldest are forgotten early. */
const MAX_REMEMBERED = 16_384;

/** Whose a client is: a connection of this server, or of another server. */
export type AwarenessOwner = Subscriber | Peer;

/** What is known of a client id; `version` is the presence version in which it changed last. */
export interface Known extends PeerAwareness, Recent<Known> {
  /** The newest clock with which anybody here was shown it. */
  clock: number;
  /** `null` when the client left. */
  readonly owner: AwarenessOwner | null;
  /** The newest clock that the owner has sent, which may be behind `clock`. */
  readonly sent: number;
  /** The owner's own clock is no older than this. */
  ownClock: number;
  /** Whether it changed here last, so that it is for this server to tell the others. */
  readonly isLocal: boolean;
  /** When the owner got it; a contestable owner keeps it after some seconds. */
  readonly ownedAt: number;
  readonly isContestable: boolean;
  /** When it changed last. */
  readonly at: number;
}

export type NewKnown = Omit<Known, "version" | keyof Recent<Known>>;

/**
 * The newest state per client id, in the order in which they changed, so that a change costs what
 * changed, however many were here before.
 */
export class AwarenessTable {
  readonly #known: Map<number, Known> = new Map();
  readonly #present: RecencyList<Known> = new RecencyList();
  /** Those that left, and are remembered. */
  readonly #left: RecencyList<Known> = new RecencyList();
  #version = 0;
  #bytes = 0;

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** How many clients are present. */
  get size(): number {
    return this.#present.size;
  }

  /** What the states of those present take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those who are present, whoever changed longest ago first. */
  get present(): Iterable<Known> {
    return this.#present;
  }

  get(client: number): Known | undefined {
    return this.#known.get(client);
  }

  changedSince(version: number): Known[] {
    return [...this.#left.newerThan(version), ...this.#present.newerThan(version)];
  }

  /** @param next of a client that left, `owner` is whose it was */
  set(next: NewKnown): void {
    const { client } = next;
    const before = this.#known.get(client);
    const left = isLeft(next.state);
    const owner = left ? null : next.owner;
    if (before !== undefined) this.#unlink(before);
    const version = ++this.#version;
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

  /** Forgets those that left before a time. */
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
