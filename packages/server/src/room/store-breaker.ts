/** How long one room waits after its first failure, and all of them after the store's. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

interface Pause {
  readonly ms: number;
  /** By `performance.now()`. */
  readonly until: number;
}

/**
 * Decides who may write snapshots while writing fails. A room whose snapshot could not be stored
 * pauses, twice as long each time. When those of two rooms in a row could not, it is the store that
 * fails: then one room at a time tries, and all others wait until that works.
 */
export class StoreBreaker {
  readonly #rooms: Map<string, Pause> = new Map();
  #lastFailed: string | undefined;
  #store: Pause | undefined;
  #probe: string | undefined;

  /** Rooms whose last snapshot could not be stored. */
  get failing(): number {
    return this.#rooms.size;
  }

  /** How long a room has to wait before it may try, in milliseconds; 0 when it may. */
  waitMs(room: string): number {
    const now = performance.now();
    const own = (this.#rooms.get(room)?.until ?? now) - now;
    // Who waits for the store does not come back at the same moment as all others.
    const store = this.#store;
    if (store === undefined) return Math.max(0, own);
    if (this.#probe !== undefined) return jittered(store.ms);
    // Any room may find out whether the store works again.
    return store.until > now ? store.until - now + jittered(store.ms) / 4 : 0;
  }

  /** A room begins to write, having waited. */
  begin(room: string): void {
    if (this.#store !== undefined) this.#probe = room;
  }

  /** The store has refused a room's snapshot, or not answered. */
  failed(room: string): void {
    this.#rooms.set(room, longer(this.#rooms.get(room)));
    if (this.#probe === room) this.#probe = undefined;
    if (this.#store !== undefined || (this.#lastFailed ?? room) !== room) {
      this.#store = longer(this.#store);
    }
    this.#lastFailed = room;
  }

  /** The store has taken a room's snapshot. */
  worked(room: string): void {
    // The others failed because the store did.
    if (this.#store !== undefined) this.#rooms.clear();
    this.#rooms.delete(room);
    this.#store = undefined;
    this.#probe = undefined;
    this.#lastFailed = undefined;
  }

  /** The store is known to answer again: any room may try now. */
  retry(): void {
    const until = performance.now();
    if (this.#store !== undefined) this.#store = { ms: FIRST_PAUSE_MS, until };
    for (const [room, { ms }] of this.#rooms) this.#rooms.set(room, { ms, until });
  }

  /** What became of a room's attempt says nothing about the store. */
  ended(room: string): void {
    if (this.#probe === room) this.#probe = undefined;
  }

  /** The room has left the memory. */
  forget(room: string): void {
    this.#rooms.delete(room);
    this.ended(room);
  }
}

function longer(before: Pause | undefined): Pause {
  const ms = before === undefined ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * before.ms);
  return { ms, until: performance.now() + jittered(ms) };
}

function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
