import type { DocumentStats } from "../metrics/stats.ts";
import { EventLoopLoad } from "./event-loop-load.ts";

/** What a flusher flushes. */
export interface Flushable {
  /** How many outlets one flush may write to. */
  readonly fanOut: number;
  /** When the flusher flushed it last, by `performance.now()`; the flusher keeps it. */
  flushedAt: number;
  /** Sends its readers what they lack. Never throws. */
  flush(): void;
}

/** Up to this many outlets a flush is cheap. */
const SMALL_FAN_OUT = 8;
const INTERVAL_PER_OUTLET_MS = 0.4;
/** The longest interval that the size of a room is a reason for. */
const MAX_FAN_OUT_INTERVAL_MS = 50;
/** From this load of the event loop on, updates are gathered in every room. */
const LOADED = 0.2;
/** From this load on the interval is the longest; in between it grows evenly. */
const BUSY = 0.5;
const BUSY_INTERVAL_MS = 140;

/**
 * So often a server sends at most, and gathers in between what all rooms have: one wake-up for it, one
 * packet to the other servers, and answers that arrive together. A busy server has enough to do in
 * each turn without that, and what it does at once would keep others waiting.
 */
const TICK_MS = 25;
const BUSY_TICK_MS = 5;

/**
 * Decides when documents send what is new. What comes after a quiet time is sent at the end of the
 * turn of the event loop, the rest at the next tick. But each flush costs a write per client, and an
 * answer of each to the presence that it brings; so between two flushes of a room there is an
 * interval, in which updates are gathered. It is longer the larger a room is: n clients that all write
 * then cost on the order of n, not n². And longer the busier the server is: load makes it slower by
 * some tens of milliseconds, and what is saved keeps it from falling behind.
 */
export class Flusher {
  readonly #stats: DocumentStats;
  readonly #load: EventLoopLoad = new EventLoopLoad();
  /** When each was scheduled. */
  readonly #waiting: Map<Flushable, number> = new Map();
  #tickedAt = Number.NEGATIVE_INFINITY;
  #tickInterval = TICK_MS;
  /** One of them, while something waits. */
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stats: DocumentStats) {
    this.#stats = stats;
  }

  /** Flushes the document soon; once, however often it is called before. */
  schedule(document: Flushable): void {
    if (this.#waiting.has(document)) return;
    const now = performance.now();
    this.#waiting.set(document, now);
    if (this.#immediate !== undefined || this.#timer !== undefined) return;
    const delay = Math.ceil(this.#tickedAt + this.#tickInterval - now);
    if (delay > 0) this.#timer = setTimeout(() => this.#tick(), delay);
    else this.#immediate = setImmediate(() => this.#tick());
  }

  /** Forgets a document that is going away. */
  cancel(document: Flushable): void {
    this.#waiting.delete(document);
  }

  #tick(): void {
    this.#immediate = undefined;
    this.#timer = undefined;
    const now = performance.now();
    const excess = excessOf(this.#load.get(now));
    this.#tickedAt = now;
    this.#tickInterval = TICK_MS + excess * (BUSY_TICK_MS - TICK_MS);
    const nearest = now + this.#tickInterval / 2;
    for (const [document, since] of this.#waiting) {
      const interval = Math.max(fanOutInterval(document.fanOut), excess * BUSY_INTERVAL_MS);
      if (document.flushedAt + interval > nearest) continue;
      this.#waiting.delete(document);
      document.flushedAt = now;
      document.flush();
      this.#stats.flushSeconds.observe((performance.now() - since) / 1_000, 1);
    }
    if (this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => this.#tick(), Math.ceil(this.#tickInterval));
  }
}

function fanOutInterval(fanOut: number): number {
  if (fanOut <= SMALL_FAN_OUT) return 0;
  return Math.min(MAX_FAN_OUT_INTERVAL_MS, fanOut * INTERVAL_PER_OUTLET_MS);
}

/** How loaded the event loop is, from 0 (not worth mentioning) to 1 (busy). */
function excessOf(load: number): number {
  return Math.max(0, Math.min(load, BUSY) - LOADED) / (BUSY - LOADED);
}
