import {
  AwarenessReader,
  type AwarenessState,
  checkAwareness,
  LEFT,
} from "../../protocol/awareness.ts";
import { allocatePooled, type Frame, frameAwareness } from "../../protocol/frame.ts";
import { MalformedError } from "../../protocol/malformed-error.ts";
import type { PeerAwareness } from "../../replication/message.ts";
import type { Peer } from "../../replication/peer.ts";
import { Subscriber } from "../subscriber.ts";
import { MAX_CLOCK } from "./awareness-clock.ts";
import { AwarenessFromPeers } from "./awareness-from-peers.ts";
import {
  isWithinLimits,
  MAX_CHANGES_PER_MESSAGE,
  MAX_ENTRIES_PER_MESSAGE,
  REMEMBER_MS,
} from "./awareness-limits.ts";
import { AwarenessOwners } from "./awareness-owners.ts";
import { addContest, type Contest, givesWay, isOld } from "./awareness-rules.ts";
import { type AwarenessOwner, AwarenessTable, type Known } from "./awareness-table.ts";

/** Clients drop remote states not renewed for this long (`outdatedTimeout` in y-protocols). */
const TIMEOUT_MS = 30_000;
/** Clients renew their own state after half of that. Past this age the server renews it for them. */
const RENEW_MS = 19_000;

/** The consequences of an awareness message from a client. */
export interface AwarenessEffects {
  /** Owners to ask whether they are alive. */
  readonly contests: readonly Contest[];
  /** States that the sender is missing. */
  readonly answer: Frame | null;
}

const NO_CONTESTS: readonly Contest[] = [];
const NO_EFFECTS: AwarenessEffects = { contests: NO_CONTESTS, answer: null };

/**
 * The awareness of a room across all servers: the latest state of each client id. There is no history:
 * each change gets the next version number, and a subscriber that has seen one version is sent what
 * changed since. `AwarenessOwners` says to whom a client id belongs.
 *
 * **Clocks.** Clients ignore a state unless its clock is newer than the last one they saw. This holds
 * even after an interruption, when they have dropped every remote state but still remember the clocks.
 * So newcomers are shown everyone, and everyone is shown each newcomer, with a fresh clock. It is ahead
 * of the client's own clock; the client's next change is sent with the next higher clock. If the server
 * sent a client its own state with such a clock, y-protocols would let it replace an even newer local
 * state. So before sending such a state, the server tells the client that it has left (`reminder`); the
 * client responds by announcing itself with a clock above that one.
 *
 * For the same reason a newcomer is shown others only after it has identified itself.
 *
 * **Expiry.** A client lives as long as its connection, whether or not it renews its state: browsers
 * throttle the timers of background tabs. Because clients drop remote states that are not renewed, the
 * server renews the state of every client whose connection responds. States from another server expire
 * once that server is no longer heard from.
 */
export class RoomAwareness {
  readonly #table: AwarenessTable = new AwarenessTable();
  /** Who owns each client id. */
  readonly owners: AwarenessOwners = new AwarenessOwners(this.#table);
  /** What other servers say. */
  readonly fromPeers: AwarenessFromPeers = new AwarenessFromPeers(this.#table, this.owners);
  #all: { readonly version: number; readonly frame: Frame | null } | undefined;

  /** Increases with every change. */
  get version(): number {
    return this.#table.version;
  }

  /** How many clients are present. */
  get size(): number {
    return this.#table.size;
  }

  /** No client of the room has been shown with a newer clock, as far as this server has heard. */
  get clock(): number {
    return this.#table.clock.highest;
  }

  /**
   * Applies an awareness message from a client. Most of it repeats what the server sent the client
   * before, and is dropped by its clock before its JSON is parsed.
   *
   * @throws MalformedError; states that precede the malformed one have been applied
   */
  receive(states: Uint8Array, from: Subscriber, now: number): AwarenessEffects {
    let contests: Contest[] | undefined;
    let unknown: Set<AwarenessState> | undefined;
    let changes = 0;
    const { claims } = this.owners;
    const sent = new AwarenessReader(states);
    for (let entries = 0; changes < MAX_CHANGES_PER_MESSAGE && sent.next(); entries++) {
      if (entries === MAX_ENTRIES_PER_MESSAGE) break;
      const { client } = sent;
      // The client has been shown nobody yet, so this state is its own.
      if (from.awarenessVersion === null && !sent.isLeft) from.ownClient ??= client;
      const known = this.#table.get(client);
      if (known !== undefined && isOld(known, sent, from)) {
        if (known.owner === null && !sent.isLeft) {
          unknown ??= new Set();
          unknown.add(known);
        }
        continue;
      }
      if (known === undefined || known.owner === null) {
        if (sent.isLeft) continue;
        // A connection with an id of its own cannot bring back another connection's id.
        if (known?.isOwn && from.ownClient !== null && from.ownClient !== client) continue;
      }
      const isForeign = known !== undefined && known.owner !== null && known.owner !== from;
      const isClaim = isForeign && from.ownClient === client && !sent.isLeft;
      if (isForeign && !isClaim) {
        if (from.claim === client && sent.isLeft) claims.drop(from);
        contests ??= [];
        addContest(contests, { client, owner: known.owner, isClaim });
        continue;
      }
      const { length } = sent.state;
      if (!isWithinLimits(this.#table, from, client, known, length, now)) continue;
      const { clock } = sent;
      if (clock > MAX_CLOCK) throw new MalformedError(`presence: the clock ${clock} is too large`);
      const state = sent.state.slice();
      checkAwareness(state);
      changes++;
      if (isClaim && !givesWay(known, now)) {
        const isAsked = claims.add({ client, clock, state, claimant: from }, now);
        contests ??= [];
        if (isAsked) addContest(contests, { client, owner: known.owner, isClaim });
        if (clock <= known.clock) {
          unknown ??= new Set();
          unknown.add({ client, clock: known.clock, state: LEFT });
        }
      } else if (known !== undefined && known.owner === from) {
        this.owners.change(known, clock, state, now);
        claims.refuse(client);
      } else {
        this.owners.introduce(known, { client, clock, state }, from, now);
      }
    }
    if (contests === undefined && unknown === undefined) return NO_EFFECTS;
    const answer = unknown === undefined ? null : frameAwareness([...unknown]);
    return { contests: contests ?? NO_CONTESTS, answer };
  }

  /** Removes the clients that a subscriber introduced. @returns whether there were any */
  remove(subscriber: Subscriber, now: number): boolean {
    this.owners.claims.drop(subscriber);
    return this.owners.remove(subscriber.clients, subscriber, now);
  }

  /** Removes clients of another server. @returns whether there were any */
  removeFromPeer(clients: Iterable<number>, peer: Peer, now: number): boolean {
    return this.owners.remove(clients, peer, now);
  }

  /**
   * Renews clients that did not renew themselves, removes those whose connection or server has gone
   * silent, and forgets those that left long ago.
   *
   * @returns whether anything changed
   */
  expire(now: number): boolean {
    this.#table.forgetLeft(now - REMEMBER_MS);
    const { version } = this.#table;
    const old: Known[] = [];
    for (const known of this.#table.present) {
      if (now - known.at <= RENEW_MS) break;
      old.push(known);
    }
    for (const known of old) {
      const age = now - known.at;
      if (known.owner instanceof Subscriber) {
        if (known.owner.sink.check?.() ?? true) {
          const clock = known.isOwn ? this.#table.clock.fresh(now)(known.clock) : known.clock + 1;
          this.#table.set({ ...known, clock, at: now });
        } else if (age > TIMEOUT_MS) {
          this.owners.leave(known, known.clock + 1, now);
        }
      } else if (known.owner !== null && Math.min(age, now - known.owner.heardAt) > TIMEOUT_MS) {
        this.owners.leave(known, known.clock + 1, now);
      }
    }
    return this.#table.version > version;
  }

  /** All clients that are present, on any server, with the clocks that they sent. */
  present(): PeerAwareness[] {
    return Array.from(this.#table.present, ({ client, sent, state, isOwn }) => {
      return { client, clock: sent, state, isOwn };
    });
  }

  /** A frame with all clients that are present, or `null` if there are none. */
  all(): Frame | null {
    // Callers share one frame until something changes.
    if (this.#all?.version !== this.version) {
      const frame = this.#table.size === 0 ? null : frameAwareness([...this.#table.present]);
      this.#all = { version: this.version, frame };
    }
    return this.#all.frame;
  }

  /**
   * All other clients that are present, with fresh clocks: the subscriber's client may have seen and
   * dropped them before.
   */
  show(subscriber: Subscriber, now: number): Frame | null {
    const others: Known[] = [];
    this.#all = undefined;
    const { clock } = this.#table;
    const fresh = clock.fresh(now);
    for (const known of this.#table.present) {
      if (known.client === subscriber.ownClient) continue;
      // A connection that relays another tab's client hears that tab directly.
      if (known.isOwn) known.clock = fresh(known.clock);
      clock.saw(known.clock, now);
      others.push(known);
    }
    return others.length === 0 ? null : frameAwareness(others);
  }

  /**
   * The frame to send a connection before the changes since `version`, so that its client does not
   * mistake an older state of its own for a newer one; see "Clocks" above.
   */
  reminder(subscriber: Subscriber, version: number | null): Frame | null {
    const { ownClient } = subscriber;
    if (version === null || version === this.version || ownClient === null) return null;
    const known = this.#table.get(ownClient);
    if (known === undefined || known.version <= version || known.owner === null) return null;
    if (known.owner === subscriber) {
      if (known.clock <= known.ownClock) return null;
      known.ownClock = known.clock + 1;
    } else if (subscriber.claim !== known.client) {
      return null;
    }
    return frameAwareness([{ client: known.client, clock: known.clock, state: LEFT }]);
  }

  /** The changes after `version`; `solely` is their owner if they all have the same one. */
  since(version: number): { frame: Frame; solely: AwarenessOwner | null } | null {
    const changed = this.#table.changedSince(version);
    const [first] = changed;
    if (first === undefined) return null;
    const solely = changed.every((known) => known.owner === first.owner) ? first.owner : null;
    return { frame: frameAwareness(changed, allocatePooled), solely };
  }

  /** This server's clients that are present. */
  local(): PeerAwareness[] {
    return [...this.#table.present].filter(({ isLocal }) => isLocal);
  }

  /**
   * The answer to another server's query: the clients of this server, and the peer's own clients that
   * were declared gone here. The peer may have missed that on the bus, and would never announce them
   * again.
   */
  toldTo(peer: Peer | null): PeerAwareness[] {
    const told = this.local();
    for (const client of peer?.denied ?? []) {
      const known = this.#table.get(client);
      if (known?.owner === null) told.push(known);
      else peer?.denied.delete(client);
    }
    return told;
  }

  /** The changes to this server's clients after `version`. */
  localSince(version: number): PeerAwareness[] {
    return this.#table.changedSince(version).filter(({ isLocal }) => isLocal);
  }
}
