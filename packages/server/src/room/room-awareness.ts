import {
  AwarenessReader,
  type AwarenessState,
  checkAwareness,
  encodeAwareness,
  isLeft,
  LEFT,
} from "../protocol/awareness.ts";
import { type Frame, frameAwareness } from "../protocol/frame.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import type { AwarenessReport, PeerAwareness } from "../replication/message.ts";
import type { Peer } from "../replication/peer.ts";
import { type Claim, Claims } from "./awareness-claims.ts";
import { MAX_CLOCK } from "./awareness-clock.ts";
import {
  isWithinLimits,
  MAX_CHANGES_PER_MESSAGE,
  MAX_ENTRIES_PER_MESSAGE,
  REMEMBER_MS,
} from "./awareness-limits.ts";
import { addContest, type Contest, givesWay, isOld } from "./awareness-rules.ts";
import { type AwarenessOwner, AwarenessTable, type Known } from "./awareness-table.ts";
import { Subscriber } from "./subscriber.ts";

/** Clients drop remote states not renewed for this long (`outdatedTimeout` in y-protocols). */
const TIMEOUT_MS = 30_000;
/** Clients renew their own state after half of that. Past this age the server renews it for them. */
const RENEW_MS = 19_000;
/** An owner silent for this long gives way to a connection that another server vouches for. */
const SILENT_MS = 500;
/** The consequences of an awareness message from a client. */
export interface AwarenessEffects {
  /** Owners to ask whether they are alive. */
  readonly contests: readonly Contest[];
  /** States that the sender is missing. */
  readonly answer: Frame | null;
}

/** The consequences of an awareness message from another server. */
export interface PeerAwarenessEffects {
  /** Connections of this server to ask whether they are alive. */
  readonly contests: readonly Contest[];
  /** The peer's own clients that were declared gone here, which it has to be told. */
  readonly stale: readonly PeerAwareness[];
}

const NO_CONTESTS: readonly Contest[] = [];
const NO_EFFECTS: AwarenessEffects = { contests: NO_CONTESTS, answer: null };

/**
 * The awareness of a room across all servers: the latest state of each client id. There is no history:
 * each change gets the next version number, and a subscriber that has seen one version is sent what
 * changed since.
 *
 * **Owners.** A client id belongs to the connection that introduced it, until that connection ends or
 * reports that the client left. The first id that a connection names is its own; it merely relays the
 * others for other tabs of its browser:
 *
 * ```
 *               introduced                  another connection's first id
 *   unknown ───────────────────► owned ◄──────────────────────────────┐
 *      ▲                         │   │                                │ at once: relayed, or contestable
 *      │ a minute   ends, leaves │   └──────────► owned and claimed ──┤ the owner does not answer,
 *      └─────────── left ◄───────┘                                    │ ends, or leaves
 *                    └────────────► owned, contestable ───────────────┘
 *                      its own first id
 * ```
 *
 * Claims are remembered. A client that reconnects while its old connection is half dead, or before its
 * old server has reported that it left, becomes the owner as soon as the old connection is known to be
 * gone. The new owner of an id that had left is contestable for some seconds: if it is an impostor, the
 * returning owner takes the id back, once. An id that left is only given to a connection that has it as
 * its own.
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
  readonly #claims: Claims = new Claims();
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

  /** When `settle` is next due; `Infinity` if no claim is waiting. */
  get dueAt(): number {
    return this.#claims.dueAt;
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
        if (from.claim === client && sent.isLeft) this.#claims.drop(from);
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
        const isAsked = this.#claims.add({ client, clock, state, claimant: from }, now);
        contests ??= [];
        if (isAsked) addContest(contests, { client, owner: known.owner, isClaim });
        if (clock <= known.clock) {
          unknown ??= new Set();
          unknown.add({ client, clock: known.clock, state: LEFT });
        }
      } else if (known !== undefined && known.owner === from) {
        this.#change(known, clock, state, now);
        this.#claims.refuse(client);
      } else {
        this.#introduce(known, { client, clock, state }, from, now);
      }
    }
    if (contests === undefined && unknown === undefined) return NO_EFFECTS;
    const answer = unknown === undefined ? null : frameOf([...unknown]);
    return { contests: contests ?? NO_CONTESTS, answer };
  }

  /** Applies another server's report about its clients. That server has validated the states. */
  receiveFromPeer(
    { states, clock }: AwarenessReport,
    peer: Peer,
    now: number,
  ): PeerAwarenessEffects {
    this.#table.clock.saw(clock, now);
    const relayed = this.#table.clock.relayed(now);
    const freshOf = (told: PeerAwareness) => (told.isOwn ? relayed(told.clock) : told.clock);
    const stale: PeerAwareness[] = [];
    const contests: Contest[] = [];
    for (const told of states) {
      const known = this.#table.get(told.client);
      peer.denied.delete(told.client);
      if (isLeft(told.state)) {
        if (known !== undefined) this.#leftPeer(known, told.clock, peer, now);
      } else if (known === undefined) {
        // A subscriber here may have seen this client moments ago, on the other server.
        this.#takeFromPeer(told, freshOf(told), peer, now);
      } else if (known.owner === peer) {
        const isNews = told.clock > known.sent || (told.isOwn && !known.isOwn);
        if (!isNews) continue;
        this.#takeFromPeer(told, Math.max(known.clock + 1, told.clock), peer, now);
        this.#claims.extend(told.client, now);
      } else if (known.owner === null) {
        if (told.clock > known.clock) this.#takeFromPeer(told, freshOf(told), peer, now);
        else {
          stale.push(known);
          peer.denied.add(told.client);
        }
      } else if (known.owner instanceof Subscriber) {
        this.#claimByPeer(known, known.owner, told, peer, { contests, now });
      } else if (told.clock > known.clock || (told.isOwn && !known.isOwn)) {
        this.#takeFromPeer(told, Math.max(known.clock + 1, told.clock), peer, now);
      } else {
        const { client, clock } = told;
        this.#claims.add({ client, clock, state: told.state.slice(), claimant: peer }, now);
        this.#claims.refuse(client);
      }
    }
    return { stale, contests };
  }

  /**
   * Another server asks whether a client of this server is alive, because a connection there claims its
   * id. A contestable owner gives way; a client that has left is reported as such again.
   *
   * @returns the connection to probe, or `null` if no answer from it is needed
   */
  probed(client: number, now: number): Subscriber | null {
    const known = this.#table.get(client);
    if (known === undefined) return null;
    if (known.owner === null && known.isLocal) this.#table.set(known);
    if (!(known.owner instanceof Subscriber)) return null;
    if (!givesWay(known, now)) return known.owner;
    this.#leave(known, known.clock + 1, now);
    return null;
  }

  /**
   * A connection answered a probe made on behalf of a client id.
   *
   * @param forPeer whether another server waits to hear that the client is here
   * @returns what to send the connection if its id has been given away in the meantime
   */
  answered(client: number, subscriber: Subscriber, forPeer: boolean, now: number): Frame | null {
    const known = this.#table.get(client);
    if (known?.owner === subscriber) {
      const claim = this.#claims.of(client);
      this.#claims.refuse(client);
      if (forPeer || (claim !== undefined && !(claim.claimant instanceof Subscriber))) {
        this.#assert(known, claim?.clock ?? 0);
      }
      return null;
    }
    if (known === undefined || known.owner === null || subscriber.ownClient !== client) return null;
    return givesWay(known, now) ? frameOf([{ client, clock: known.clock, state: LEFT }]) : null;
  }

  /** Grants the claims whose owners did not answer in time. @returns whether there were any */
  settle(now: number): boolean {
    const due = this.#claims.due(now);
    for (const claim of due) {
      const known = this.#table.get(claim.client);
      this.#claims.take(claim.client);
      this.#grant(known, claim, now);
    }
    return due.length > 0;
  }

  /** Removes the clients that a subscriber introduced. @returns whether there were any */
  remove(subscriber: Subscriber, now: number): boolean {
    this.#claims.drop(subscriber);
    return this.#removeClients(subscriber.clients, subscriber, now);
  }

  /** Removes clients of another server. @returns whether there were any */
  removeFromPeer(clients: Iterable<number>, peer: Peer, now: number): boolean {
    return this.#removeClients(clients, peer, now);
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
          const clock = known.isOwn ? this.#fresh(known, now) : known.clock + 1;
          this.#table.set({ ...known, clock, at: now });
        } else if (age > TIMEOUT_MS) {
          this.#leave(known, known.clock + 1, now);
        }
      } else if (known.owner !== null && Math.min(age, now - known.owner.heardAt) > TIMEOUT_MS) {
        this.#leave(known, known.clock + 1, now);
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
      const frame = this.#table.size === 0 ? null : frameOf([...this.#table.present]);
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
      others.push(known);
    }
    for (const known of others) clock.saw(known.clock, now);
    return others.length === 0 ? null : frameOf(others);
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
    return frameOf([{ client: known.client, clock: known.clock, state: LEFT }]);
  }

  /** The changes after `version`; `solely` is their owner if they all have the same one. */
  since(version: number): { frame: Frame; solely: AwarenessOwner | null } | null {
    const changed = this.#table.changedSince(version);
    const [first] = changed;
    if (first === undefined) return null;
    const solely = changed.every((known) => known.owner === first.owner) ? first.owner : null;
    return { frame: frameOf(changed), solely };
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

  #fresh(known: Known | undefined, now: number): number {
    return this.#table.clock.fresh(now)(known?.clock);
  }

  #introduce(known: Known | undefined, sent: AwarenessState, owner: Subscriber, now: number): void {
    const { client } = sent;
    if (known === undefined) owner.introduced.count++;
    const isGreeting = owner.awarenessVersion === null;
    owner.ownClient ??= client;
    const isOwn = owner.ownClient === client;
    // An id taken from a connection that relayed it, or was contestable, is not contestable again.
    const isContestable = known === undefined ? !isGreeting : known.owner === null;
    const clock = isOwn ? this.#fresh(known, now) : (known?.clock ?? -1) + 1;
    this.#table.set({
      ...sent,
      ...{ owner, isOwn, isContestable, isLocal: true, at: now, ownedAt: now },
      ...{ sent: sent.clock, ownClock: sent.clock, clock: Math.max(sent.clock, clock) },
    });
    this.#claims.take(client);
  }

  #change(known: Known, sent: number, state: Uint8Array, now: number): void {
    const clock = Math.max(known.clock + 1, sent);
    if (isLeft(state)) this.#leave({ ...known, sent }, clock, now);
    else this.#table.set({ ...known, state, sent, ownClock: sent, clock, at: now });
  }

  #takeFromPeer(told: PeerAwareness, clock: number, owner: Peer, now: number): void {
    const { client, clock: sent, isOwn } = told;
    // It has what it claimed, with a state that may be newer than the one claimed.
    if (this.#claims.of(client)?.claimant === owner) this.#claims.take(client);
    const isContestable = told.isContestable === true;
    this.#table.set({
      ...{ client, clock, state: told.state.slice(), owner, sent, ownClock: sent },
      ...{ isOwn, isContestable, isLocal: false, at: now, ownedAt: now },
    });
  }

  #leftPeer(known: Known, clock: number, peer: Peer, now: number): void {
    if (known.owner === peer) {
      if (clock >= known.sent) this.#leave(known, Math.max(known.clock + 1, clock), now);
    } else if (known.owner instanceof Subscriber) {
      if (clock >= known.clock) this.#assert(known, clock);
    } else if (known.owner === null) {
      known.clock = Math.max(known.clock, clock);
    }
  }

  /** Another server reports a client id that a connection of this server owns. */
  #claimByPeer(
    known: Known,
    owner: Subscriber,
    told: PeerAwareness,
    peer: Peer,
    { contests, now }: { contests: Contest[]; now: number },
  ): void {
    const { client, clock } = told;
    if (known.isOwn && !told.isOwn) {
      if (clock >= known.clock) this.#assert(known, clock);
      return;
    }
    const isDefended = known.isOwn && told.isContestable === true && !givesWay(known, now);
    if (isDefended && (owner.sink.silentFor ?? 0) < SILENT_MS) {
      const claim = { client, clock, state: told.state.slice(), claimant: peer };
      if (this.#claims.add(claim, now)) contests.push({ client, owner, isClaim: true });
    } else if (isDefended || clock > known.clock || !known.isOwn) {
      this.#takeFromPeer(told, Math.max(known.clock + 1, clock), peer, now);
    }
  }

  /** Announces again that a client is here, with a clock above the one another server believes. */
  #assert(known: Known, clock: number): void {
    this.#table.set({ ...known, clock: Math.max(known.clock, clock) + 1 });
  }

  #grant(known: Known | undefined, claim: Claim, now: number): void {
    const { client, state, claimant: owner } = claim;
    const clock = Math.max(claim.clock, this.#fresh(known, now));
    this.#table.set({
      ...{ client, clock, state, owner, sent: claim.clock, ownClock: claim.clock, at: now },
      ...{ isOwn: true, isContestable: true, isLocal: owner instanceof Subscriber, ownedAt: now },
    });
  }

  #leave(known: Known, clock: number, now: number): void {
    this.#table.set({ ...known, clock, state: LEFT, at: now });
    const claim = this.#claims.take(known.client);
    if (claim !== undefined) this.#grant(this.#table.get(known.client), claim, now);
  }

  #removeClients(clients: Iterable<number>, owner: AwarenessOwner, now: number): boolean {
    let changed = false;
    for (const client of [...clients]) {
      const known = this.#table.get(client);
      if (known === undefined || known.owner !== owner) continue;
      this.#leave(known, known.clock + 1, now);
      changed = true;
    }
    return changed;
  }
}

function frameOf(states: readonly AwarenessState[]): Frame {
  return frameAwareness(encodeAwareness(states));
}
