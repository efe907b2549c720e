import { jitteredAround } from "../../runtime/backoff.ts";

/** How long a room pauses after its first failure, and all rooms after that of the store. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** The share by which pauses differ either way, so that rooms do not try again together. */
const JITTER = 0.25;

interface Pause {
  readonly ms: number;
  /** By `performance.now()`. */
  readonly until: number;
}

/**
 * Decides which rooms may write snapshots while writes fail. A room whose snapshot could not be stored
 * pauses, twice as long each time. If two different rooms fail in a row, the store itself is considered
 * to be failing: then one room at a time tries, and all others wait until it succeeds.
 */
export class StoreBreaker {
  readonly #rooms: Map<string, Pause> = new Map();
  #lastFailed: string | undefined;
  #store: Pause | undefined;
  #probe: string | undefined;

  /** Number of rooms whose last snapshot could not be stored. */
  get failing(): number {
    return this.#rooms.size;
  }

  /** How long a room has to wait before it may try, in milliseconds; 0 if it may try now. */
  waitMs(room: string): number {
    const now = performance.now();
    const own = (this.#rooms.get(room)?.until ?? now) - now;
    // With jitter, so that rooms that wait for the store do not all retry at the same moment.
    const store = this.#store;
    if (store === undefined) return Math.max(0, own);
    if (this.#probe !== undefined) return jitteredAround(store.ms, JITTER);
    // Any room may probe whether the store has recovered.
    return store.until > now ? store.until - now + jitteredAround(store.ms, JITTER) / 4 : 0;
  }

  /** A room starts to write, having waited as required. */
  begin(room: string): void {
    if (this.#store !== undefined) this.#probe = room;
  }

  /** The store has rejected a room's snapshot, or has not responded. */
  failed(room: string): void {
    this.#rooms.set(room, longer(this.#rooms.get(room)));
    if (this.#probe === room) this.#probe = undefined;
    if (this.#store !== undefined || (this.#lastFailed ?? room) !== room) {
      this.#store = longer(this.#store);
    }
    this.#lastFailed = room;
  }

  /** The store has accepted a room's snapshot. */
  worked(room: string): void {
    // The other rooms failed because of the store.
    if (this.#store !== undefined) this.#rooms.clear();
    this.#rooms.delete(room);
    this.#store = undefined;
    this.#probe = undefined;
    this.#lastFailed = undefined;
  }

  /** The store is known to respond again: any room may try now. */
  retry(): void {
    const until = performance.now();
    if (this.#store !== undefined) this.#store = { ms: FIRST_PAUSE_MS, until };
    for (const [room, { ms }] of this.#rooms) this.#rooms.set(room, { ms, until });
  }

  /** A room's attempt has ended in a way that says nothing about the store. */
  ended(room: string): void {
    if (this.#probe === room) this.#probe = undefined;
  }

  /** The room has been unloaded. */
  forget(room: string): void {
    this.#rooms.delete(room);
    this.ended(room);
  }
}

function longer(before: Pause | undefined): Pause {
  const ms = before === undefined ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * before.ms);
  return { ms, until: performance.now() + jitteredAround(ms, JITTER) };
}
