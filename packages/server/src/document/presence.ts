import { type Frame, framePresence } from "../protocol/frame.ts";
import {
  checkPresence,
  encodePresence,
  isLeft,
  LEFT,
  type PresenceState,
  readPresence,
} from "../protocol/presence.ts";
import type { Reader } from "./reader.ts";

/** A client without renewal for this long is gone (`outdatedTimeout` of y-protocols). */
const TIMEOUT_MS = 30_000;
/**
 * How long it is remembered that a client left. Others still send its last state back for a while,
 * and must not bring it to life again.
 */
const REMEMBER_MS = 60_000;
/** How many client ids one connection may introduce: tabs of one browser speak for each other. */
const MAX_CLIENTS_PER_READER = 64;

interface Known extends PresenceState {
  /** The presence version in which it changed last. */
  readonly version: number;
  readonly owner: Reader | null;
  readonly at: number;
}

const NOBODY: readonly Reader[] = [];

/**
 * Who is in a room: per client id its newest state. A client id belongs to the connection that
 * introduced it, until that connection ends or says that the client left.
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
   * @returns readers whose client ids somebody else claims with a newer clock; they may be dead
   * @throws MalformedError; what came before the malformed state has been taken
   */
  receive(states: Uint8Array, from: Reader, now: number): readonly Reader[] {
    let contested: Reader[] | undefined;
    readPresence(states, (client, clock, state) => {
      const known = this.#known.get(client);
      if (known !== undefined && !isRelayed(known, from, clock, state)) {
        if (!isNewer(known, clock, state)) {
          if (isLeft(known.state) && !isLeft(state)) from.outlet.write([frameOf([known])]);
          return;
        }
        if (known.owner !== null && known.owner !== from) {
          contested ??= [];
          contested.push(known.owner);
          return;
        }
      } else if (known === undefined && isLeft(state)) {
        return;
      }
      if (!from.clients.has(client) && from.clients.size >= MAX_CLIENTS_PER_READER) return;
      checkPresence(state);
      if (known?.owner !== from) known?.owner?.clients.delete(client);
      this.#set(client, clock, new Uint8Array(state), isLeft(state) ? null : from, now);
      if (isLeft(state)) from.clients.delete(client);
      else from.clients.add(client);
    });
    return contested ?? NOBODY;
  }

  /** Removes the clients that a reader introduced. @returns whether there were any */
  remove(reader: Reader, now: number): boolean {
    let changed = false;
    for (const client of reader.clients) {
      const known = this.#known.get(client);
      if (known === undefined || known.owner !== reader) continue;
      this.#set(client, known.clock + 1, LEFT, null, now);
      changed = true;
    }
    reader.clients.clear();
    return changed;
  }

  /** Removes clients that have not renewed their state, and forgets those that left long ago. */
  expire(now: number): boolean {
    let changed = false;
    for (const [client, known] of this.#known) {
      const age = now - known.at;
      if (isLeft(known.state)) {
        if (age > REMEMBER_MS) this.#known.delete(client);
      } else if (age > TIMEOUT_MS) {
        known.owner?.clients.delete(client);
        this.#set(client, known.clock + 1, LEFT, null, now);
        changed = true;
      }
    }
    return changed;
  }

  /** All who are present, or `null` when nobody is. */
  all(): Frame | null {
    const present = [...this.#known.values()].filter((known) => !isLeft(known.state));
    return present.length === 0 ? null : frameOf(present);
  }

  /** What changed after `version`; `solely` is whose changes these are, when they are one reader's. */
  since(version: number): { frame: Frame; solely: Reader | null } | null {
    const changed: Known[] = [];
    for (const known of this.#known.values()) if (known.version > version) changed.push(known);
    const [first] = changed;
    if (first === undefined) return null;
    const solely = changed.every((known) => known.owner === first.owner) ? first.owner : null;
    return { frame: frameOf(changed), solely };
  }

  #set(client: number, clock: number, state: Uint8Array, owner: Reader | null, at: number): void {
    const before = this.#known.get(client);
    if (before !== undefined && !isLeft(before.state)) this.#present--;
    if (!isLeft(state)) this.#present++;
    this.#known.set(client, { client, clock, state, owner, at, version: ++this.#version });
  }
}

/**
 * Whether a connection claims its own client, which another connection only relayed. Tabs of one
 * browser talk to each other, and one may tell of another before that is connected. The first client
 * that a connection introduces is its own; only those after it can be claimed.
 */
function isRelayed(known: Known, from: Reader, clock: number, state: Uint8Array): boolean {
  const { owner } = known;
  if (owner === null || owner === from || from.clients.size > 0 || isLeft(state)) return false;
  const [own] = owner.clients;
  return own !== known.client && clock >= known.clock;
}

/** The rule of y-protocols: a newer clock, or the same one by which the client leaves. */
function isNewer(known: Known, clock: number, state: Uint8Array): boolean {
  if (clock > known.clock) return true;
  return clock === known.clock && isLeft(state) && !isLeft(known.state) && known.owner !== null;
}

function frameOf(states: readonly PresenceState[]): Frame {
  return framePresence(encodePresence(states));
}
