import type { PeerPresence } from "../cluster/message.ts";
import type { Peer } from "../cluster/peer.ts";
import { type Frame, framePresence } from "../protocol/frame.ts";
import {
  checkPresence,
  encodePresence,
  isLeft,
  LEFT,
  PresenceReader,
  type PresenceState,
} from "../protocol/presence.ts";
import { Reader } from "./reader.ts";

/** A client without renewal for this long is gone (`outdatedTimeout` of y-protocols). */
const TIMEOUT_MS = 30_000;
/**
 * How long it is remembered that a client left. Others still send its last state back for a while,
 * and must not bring it to life again.
 */
const REMEMBER_MS = 60_000;
/** How many client ids one connection may introduce: tabs of one browser speak for each other. */
const MAX_CLIENTS_PER_READER = 64;

/** Whose a client is: a connection of this server, or of another server. */
export type PresenceOwner = Reader | Peer;

/** Somebody claims a client with a newer clock than its owner's; the owner may be dead. */
export interface Contest {
  readonly client: number;
  readonly owner: PresenceOwner;
}

interface Known extends PresenceState {
  /** The presence version in which it changed last. */
  readonly version: number;
  readonly owner: PresenceOwner | null;
  /** Whether it changed here last, so that it is for this server to tell the others. */
  readonly isLocal: boolean;
  /** False while somebody else may be the one to whom the client belongs. */
  readonly isOwn: boolean;
  readonly at: number;
}

const NO_CONTESTS: readonly Contest[] = [];

/**
 * Who is in a room, on any server: per client id its newest state. A client id belongs to the
 * connection that introduced it, until that connection ends or says that the client left.
 *
 * There is no history. Each change gets the next version, and a reader that has seen some version
 * is sent the states that changed since.
 */
export class Presence {
  #known: Map<number, Known> = new Map();
  #version = 0;
  #present = 0;

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** How many clients are present. */
  get size(): number {
    return this.#present;
  }

  /**
   * Takes what a client sent. Most of it is what the client was sent before, and dropped by its
   * clock before its JSON is looked at.
   *
   * @returns clients that belong to somebody else
   * @throws MalformedError; what came before the malformed state has been taken
   */
  receive(states: Uint8Array, from: Reader, now: number): readonly Contest[] {
    let contests: Contest[] | undefined;
    const sent = new PresenceReader(states);
    while (sent.next()) {
      const { client, clock } = sent;
      const known = this.#known.get(client);
      if (known !== undefined && !isClaim(known, from, clock, sent.isLeft)) {
        if (!isNewer(known, clock, sent.isLeft)) {
          if (isLeft(known.state) && !sent.isLeft) from.outlet.write([frameOf([known])]);
          continue;
        }
        if (known.owner !== null && known.owner !== from) {
          contests ??= [];
          contests.push({ client, owner: known.owner });
          continue;
        }
      } else if (known === undefined && sent.isLeft) {
        continue;
      }
      if (!from.clients.has(client) && from.clients.size >= MAX_CLIENTS_PER_READER) continue;
      const state = sent.state.slice();
      checkPresence(state);
      from.ownClient ??= client;
      const isOwn = from.ownClient === client;
      this.#set({ client, clock, state, owner: from, isLocal: true, isOwn, at: now });
    }
    return contests ?? NO_CONTESTS;
  }

  /**
   * Takes what another server says of its clients. That server has checked it.
   *
   * @returns what that server does not know: clients of its own that were declared gone here
   */
  receiveFromPeer(states: readonly PeerPresence[], peer: Peer, now: number): PeerPresence[] {
    const gone: PeerPresence[] = [];
    for (const { client, clock, state, isOwn } of states) {
      const known = this.#known.get(client);
      const next = {
        client,
        clock,
        state: state.slice(),
        owner: peer,
        isLocal: false,
        isOwn,
        at: now,
      };
      if (isLeft(state)) {
        if (known === undefined) continue;
        if (known.owner === peer && isNewer(known, clock, true)) this.#set(next);
        if (known.owner instanceof Reader && clock >= known.clock) {
          // It is here. Told that it left, it announces itself again.
          known.owner.outlet.write([frameOf([next])]);
        }
      } else if (known === undefined || clock > known.clock || isOwnClaim(known, next)) {
        this.#set(next);
      } else if (isLeft(known.state)) {
        gone.push(known);
      }
    }
    return gone;
  }

  /** Removes the clients that a reader introduced. @returns whether there were any */
  remove(reader: Reader, now: number): boolean {
    return this.#removeClients(reader.clients, reader, now);
  }

  /** Removes clients of another server. @returns whether there were any */
  removeFromPeer(clients: Iterable<number>, peer: Peer, now: number): boolean {
    return this.#removeClients(clients, peer, now);
  }

  /** Removes clients that have not renewed their state, and forgets those that left long ago. */
  expire(now: number): boolean {
    let changed = false;
    for (const [client, known] of this.#known) {
      const age = now - known.at;
      if (isLeft(known.state)) {
        if (age > REMEMBER_MS) this.#known.delete(client);
      } else if (age > TIMEOUT_MS) {
        this.#set({ ...known, clock: known.clock + 1, state: LEFT, at: now });
        changed = true;
      }
    }
    return changed;
  }

  /** All who are present, on any server. */
  present(): PeerPresence[] {
    return [...this.#known.values()].filter((known) => !isLeft(known.state));
  }

  /** All who are present, or `null` when nobody is. */
  all(): Frame | null {
    const present = this.present();
    return present.length === 0 ? null : frameOf(present);
  }

  /** What changed after `version`; `solely` is whose changes these are, when they are one owner's. */
  since(version: number): { frame: Frame; solely: PresenceOwner | null } | null {
    const changed: Known[] = [];
    for (const known of this.#known.values()) if (known.version > version) changed.push(known);
    const [first] = changed;
    if (first === undefined) return null;
    const solely = changed.every((known) => known.owner === first.owner) ? first.owner : null;
    return { frame: frameOf(changed), solely };
  }

  /** The clients of this server that are present. */
  local(): PeerPresence[] {
    return [...this.#known.values()].filter(({ isLocal, state }) => isLocal && !isLeft(state));
  }

  /** What changed for clients of this server after `version`. */
  localSince(version: number): PeerPresence[] {
    const changed: Known[] = [];
    for (const known of this.#known.values()) {
      if (known.isLocal && known.version > version) changed.push(known);
    }
    return changed;
  }

  /** Whose a client is; `null` when it is not present. */
  ownerOf(client: number): PresenceOwner | null {
    return this.#known.get(client)?.owner ?? null;
  }

  #removeClients(clients: Iterable<number>, owner: PresenceOwner, now: number): boolean {
    let changed = false;
    for (const client of [...clients]) {
      const known = this.#known.get(client);
      if (known === undefined || known.owner !== owner) continue;
      this.#set({ ...known, clock: known.clock + 1, state: LEFT, at: now });
      changed = true;
    }
    return changed;
  }

  /** @param next of a client that left, `owner` is whose it was */
  #set(next: Omit<Known, "version">): void {
    const { client } = next;
    const before = this.#known.get(client);
    const left = isLeft(next.state);
    const owner = left ? null : next.owner;
    if (before !== undefined && !isLeft(before.state)) this.#present--;
    if (!left) this.#present++;
    this.#known.set(client, { ...next, owner, version: ++this.#version });
    if (before?.owner === owner) return;
    before?.owner?.clients.delete(client);
    owner?.clients.add(client);
  }
}

/**
 * Whether a connection claims its own client, which another one only relayed. Tabs of one browser
 * talk to each other, and one may tell of another before that is connected. The first client that a
 * connection introduces is its own; only those after it can be claimed.
 */
function isClaim(known: Known, from: Reader, clock: number, left: boolean): boolean {
  const { owner } = known;
  if (owner === null || owner === from || from.clients.size > 0 || left) return false;
  return !known.isOwn && clock >= known.clock;
}

/** Whether a client is connected to another server, which was only relayed by somebody here. */
function isOwnClaim(known: Known, next: PeerPresence): boolean {
  return next.isOwn && !known.isOwn && next.clock === known.clock && !isLeft(known.state);
}

/** The rule of y-protocols: a newer clock, or the same one by which the client leaves. */
function isNewer(known: Known, clock: number, left: boolean): boolean {
  if (clock > known.clock) return true;
  return clock === known.clock && left && !isLeft(known.state) && known.owner !== null;
}

function frameOf(states: readonly PresenceState[]): Frame {
  return framePresence(encodePresence(states));
}
