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
import { RecencyList, type Recent } from "./recency-list.ts";

/** A client without renewal for this long is gone (`outdatedTimeout` of y-protocols). */
const TIMEOUT_MS = 30_000;
/**
 * How long it is remembered that a client left. Others still send its last state back for a while,
 * and must not bring it to life again.
 */
const REMEMBER_MS = 60_000;
/** How many client ids one connection may introduce: tabs of one browser speak for each other. */
const MAX_CLIENTS_PER_READER = 64;
/** How many ids that nobody knew one connection may introduce while those that left are remembered. */
const MAX_NEW_PER_READER = 2 * MAX_CLIENTS_PER_READER;
/** How many changes one message may bring. Providers send each client once. */
const MAX_CHANGES_PER_MESSAGE = 2 * MAX_CLIENTS_PER_READER;
/** How many contests one message may begin. */
const MAX_CONTESTS = 16;
/** How many that left are remembered in one room; then the oldest are forgotten early. */
const MAX_REMEMBERED = 16_384;
/** Larger states than this share the next two limits. */
const SMALL_STATE_BYTES = 4 * 1024;
/** How much the states from one connection may take, in bytes; its own client's is taken in any case. */
const MAX_BYTES_PER_READER = 256 * 1024;
/** From this size of a room's presence on, in bytes, only small states are taken. */
const MAX_BYTES_OF_LARGE = 4 * 1024 * 1024;

/** Whose a client is: a connection of this server, or of another server. */
export type PresenceOwner = Reader | Peer;

/** Somebody claims a client with a newer clock than its owner's; the owner may be dead. */
export interface Contest {
  readonly client: number;
  readonly owner: PresenceOwner;
}

/** `version` is the presence version in which it changed last. */
interface Known extends PresenceState, Recent<Known> {
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
 * is sent the states that changed since. States are kept in the order of their versions, so that a
 * change costs what changed, however many were here before. What one connection can leave behind is
 * limited.
 */
export class Presence {
  readonly #known: Map<number, Known> = new Map();
  readonly #present: RecencyList<Known> = new RecencyList();
  /** Those that left, and are remembered. */
  readonly #left: RecencyList<Known> = new RecencyList();
  #version = 0;
  /** What the states of those present take. */
  #bytes = 0;

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** How many clients are present. */
  get size(): number {
    return this.#present.size;
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
    let gone: Set<Known> | undefined;
    let changes = 0;
    const sent = new PresenceReader(states);
    while (changes < MAX_CHANGES_PER_MESSAGE && sent.next()) {
      const { client, clock } = sent;
      const known = this.#known.get(client);
      if (known !== undefined && !isClaim(known, from, clock, sent.isLeft)) {
        if (!isNewer(known, clock, sent.isLeft)) {
          if (isLeft(known.state) && !sent.isLeft) {
            gone ??= new Set();
            gone.add(known);
          }
          continue;
        }
        if (known.owner !== null && known.owner !== from) {
          contests ??= [];
          addContest(contests, client, known.owner);
          continue;
        }
      } else if (known === undefined && sent.isLeft) {
        continue;
      }
      if (!this.#mayTell(from, sent, known, now)) continue;
      const state = sent.state.slice();
      checkPresence(state);
      changes++;
      if (known === undefined) from.introduced.count++;
      from.ownClient ??= client;
      const isOwn = from.ownClient === client;
      this.#set({ client, clock, state, owner: from, isLocal: true, isOwn, at: now });
    }
    if (gone !== undefined) from.outlet.write([frameOf([...gone])]);
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
    for (let known = this.#left.oldest; known !== null && now - known.at > REMEMBER_MS; ) {
      this.#forget(known);
      known = this.#left.oldest;
    }
    let changed = false;
    for (let known = this.#present.oldest; known !== null && now - known.at > TIMEOUT_MS; ) {
      this.#set({ ...known, clock: known.clock + 1, state: LEFT, at: now });
      changed = true;
      known = this.#present.oldest;
    }
    return changed;
  }

  /** All who are present, on any server. */
  present(): PeerPresence[] {
    return [...this.#present];
  }

  /** All who are present, or `null` when nobody is. */
  all(): Frame | null {
    return this.#present.size === 0 ? null : frameOf([...this.#present]);
  }

  /** What changed after `version`; `solely` is whose changes these are, when they are one owner's. */
  since(version: number): { frame: Frame; solely: PresenceOwner | null } | null {
    const changed = this.#changedSince(version);
    const [first] = changed;
    if (first === undefined) return null;
    const solely = changed.every((known) => known.owner === first.owner) ? first.owner : null;
    return { frame: frameOf(changed), solely };
  }

  /** The clients of this server that are present. */
  local(): PeerPresence[] {
    return [...this.#present].filter(({ isLocal }) => isLocal);
  }

  /** What changed for clients of this server after `version`. */
  localSince(version: number): PeerPresence[] {
    return this.#changedSince(version).filter(({ isLocal }) => isLocal);
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

  #changedSince(version: number): Known[] {
    return [...this.#left.newerThan(version), ...this.#present.newerThan(version)];
  }

  /** Whether what a connection sent is within what it, and the room, may have. */
  #mayTell(from: Reader, sent: PresenceReader, known: Known | undefined, now: number): boolean {
    const { client } = sent;
    if (!from.clients.has(client) && from.clients.size >= MAX_CLIENTS_PER_READER) return false;
    const { introduced } = from;
    if (known === undefined && introduced.count >= MAX_NEW_PER_READER) {
      if (now - introduced.since <= REMEMBER_MS) return false;
      introduced.count = 0;
      introduced.since = now;
    }
    const { length } = sent.state;
    if (length <= SMALL_STATE_BYTES) return true;
    // A state that is too large by itself is an error; it is found where it is taken.
    if (this.#bytes - (known?.state.length ?? 0) + length > MAX_BYTES_OF_LARGE) return false;
    return (
      client === (from.ownClient ?? client) ||
      this.#bytesOf(from, client) + length <= MAX_BYTES_PER_READER
    );
  }

  /** What the states that a connection introduced take, without that of one client. */
  #bytesOf(reader: Reader, except: number): number {
    let bytes = 0;
    for (const client of reader.clients) {
      if (client !== except) bytes += this.#known.get(client)?.state.length ?? 0;
    }
    return bytes;
  }

  /** @param next of a client that left, `owner` is whose it was */
  #set(next: Omit<Known, "version" | keyof Recent<Known>>): void {
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

/** A connection is asked once whether it is alive, another server once for each of its clients. */
function addContest(contests: Contest[], client: number, owner: PresenceOwner): void {
  if (contests.length >= MAX_CONTESTS) return;
  const isNamed = contests.some(
    (one) => one.owner === owner && (owner instanceof Reader || one.client === client),
  );
  if (!isNamed) contests.push({ client, owner });
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
