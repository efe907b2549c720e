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
 * Decides when documents send what is new. What comes after a quiet time is sent at the end of the
 * turn of the event loop. But each flush costs a write per client, and an answer of each to the
 * presence that it brings; so between two flushes of a room there is an interval, in which updates are
 * gathered. It is longer the larger a room is: n clients that all write then cost on the order of
 * n, not n². And longer the busier the server is: load makes it slower by some tens of milliseconds,
 * and what is saved keeps it from falling behind.
 */
export class Flusher {
  readonly #stats: DocumentStats;
  readonly #load: EventLoopLoad = new EventLoopLoad();
  #due: Set<Flushable> = new Set();
  #delayed: Map<Flushable, NodeJS.Timeout> = new Map();
  #immediate: NodeJS.Immediate | undefined;
  /** When the first of those that are due was scheduled. */
  #dueSince = 0;

  constructor(stats: DocumentStats) {
    this.#stats = stats;
  }

  /** Flushes the document soon; once, however often it is called before. */
  schedule(document: Flushable): void {
    if (this.#due.has(document) || this.#delayed.has(document)) return;
    const since = performance.now();
    const interval = Math.max(fanOutInterval(document.fanOut), loadInterval(this.#load.get(since)));
    const delay = Math.ceil(document.flushedAt + interval - since);
    if (delay <= 0) {
      this.#due.add(document);
      if (this.#immediate !== undefined) return;
      this.#dueSince = since;
      this.#immediate = setImmediate(() => this.#flushDue());
      return;
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(document);
      this.#flush(document);
      this.#observe(since, 1);
    }, delay);
    this.#delayed.set(document, timer);
  }

  /** Forgets a document that is going away. */
  cancel(document: Flushable): void {
    this.#due.delete(document);
    clearTimeout(this.#delayed.get(document));
    this.#delayed.delete(document);
  }

  #flushDue(): void {
    this.#immediate = undefined;
    const since = this.#dueSince;
    const due = this.#due;
    this.#due = new Set();
    for (const document of due) this.#flush(document);
    this.#observe(since, due.size);
  }

  #flush(document: Flushable): void {
    document.flushedAt = performance.now();
    document.flush();
  }

  /** @param since when the first of so many documents was scheduled */
  #observe(since: number, documents: number): void {
    this.#stats.flushSeconds.observe((performance.now() - since) / 1_000, documents);
  }
}

function fanOutInterval(fanOut: number): number {
  if (fanOut <= SMALL_FAN_OUT) return 0;
  return Math.min(MAX_FAN_OUT_INTERVAL_MS, fanOut * INTERVAL_PER_OUTLET_MS);
}

function loadInterval(load: number): number {
  const excess = Math.max(0, Math.min(load, BUSY) - LOADED) / (BUSY - LOADED);
  return excess * BUSY_INTERVAL_MS;
}
