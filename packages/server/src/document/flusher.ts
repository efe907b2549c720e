import type { DocumentStats } from "../metrics/stats.ts";
import { EventLoopLoad } from "./event-loop-load.ts";

/** What a flusher flushes. */
export interface Flushable {
  /** How many outlets one flush may write to. */
  readonly fanOut: number;
  /** Sends its readers what they lack. Never throws. */
  flush(): void;
}

/** Up to this many outlets a flush is cheap. */
const SMALL_FAN_OUT = 8;
const DELAY_PER_OUTLET_MS = 0.4;
/** The longest delay that the size of a room is a reason for. */
const MAX_FAN_OUT_DELAY_MS = 50;
/** From this load of the event loop on, updates are gathered in every room. */
const LOADED = 0.5;
/** The delay at full load; in between it grows evenly. */
const FULL_LOAD_DELAY_MS = 100;

/**
 * Decides when documents send what is new: at the end of the turn of the event loop while that is
 * cheap. Each flush costs a write per client, and an answer of each to the presence that it brings.
 * So updates are gathered first, for longer the larger a room is: n clients that all write then cost
 * on the order of n, not n². And for longer the busier the server is: overload makes it slower by
 * some tens of milliseconds, and what is saved keeps it from falling behind.
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
    const delay = Math.max(fanOutDelay(document.fanOut), loadDelay(this.#load.get()));
    if (delay === 0) {
      this.#due.add(document);
      if (this.#immediate !== undefined) return;
      this.#dueSince = performance.now();
      this.#immediate = setImmediate(() => this.#flushDue());
      return;
    }
    const since = performance.now();
    const timer = setTimeout(() => {
      this.#delayed.delete(document);
      document.flush();
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
    for (const document of due) document.flush();
    this.#observe(since, due.size);
  }

  /** @param since when the first of so many documents was scheduled */
  #observe(since: number, documents: number): void {
    this.#stats.flushSeconds.observe((performance.now() - since) / 1_000, documents);
  }
}

function fanOutDelay(fanOut: number): number {
  if (fanOut <= SMALL_FAN_OUT) return 0;
  return Math.min(MAX_FAN_OUT_DELAY_MS, fanOut * DELAY_PER_OUTLET_MS);
}

function loadDelay(load: number): number {
  const excess = Math.max(0, load - LOADED) / (1 - LOADED);
  // Whole milliseconds: timers of the same duration share a list.
  return Math.round(excess * FULL_LOAD_DELAY_MS);
}
