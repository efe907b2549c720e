import { EventLoopLoad } from "./event-loop-load.ts";
import type { RoomStats } from "./room-stats.ts";

/** What a flusher flushes. */
export interface Flushable {
  /** How many outlets one flush may write to. */
  readonly fanOut: number;
  /** When the flusher flushed it last, by `performance.now()`; the flusher keeps it. */
  flushedAt: number;
  /** When it flushed presence last. */
  awarenessFlushedAt: number;
  /** Sends its readers what they lack. Never throws. */
  flush(): void;
  /** Sends its readers the updates that they lack, and no presence. Never throws. */
  flushUpdates(): void;
}

/** How long what is new is gathered between two times that a document sends it, in milliseconds. */
interface Pace {
  readonly least: number;
  readonly perSink: number;
  /** The longest that the size of a room is a reason for. */
  readonly crowd: number;
  /** On a busy server. */
  readonly busy: number;
}

const UPDATES: Pace = { least: 0, perSink: 0.4, crowd: 50, busy: 140 };
/** Presence costs more: clients answer each message that brings some, with all of it. */
const PRESENCE: Pace = { least: 50, perSink: 1.6, crowd: 200, busy: 140 };

/** Up to this many outlets a flush is cheap. */
const SMALL_FAN_OUT = 8;
/** From this load of the event loop on, more is gathered in every room. */
const LOADED = 0.2;
/** From this load on the server is busy; in between the pace slows down evenly. */
const BUSY = 0.5;

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
 * interval, in which updates are gathered, and a longer one for presence. It is longer the larger a
 * room is: n clients that all write then cost on the order of n, not n². And longer the busier the
 * server is: load makes it slower by some tens of milliseconds, and what is saved keeps it from
 * falling behind.
 */
export class FanoutScheduler {
  readonly #stats: RoomStats;
  readonly #load: EventLoopLoad = new EventLoopLoad();
  /** What has updates to send, and since when. */
  readonly #updates: Map<Flushable, number> = new Map();
  /** What has presence to send, and since when. */
  readonly #awareness: Map<Flushable, number> = new Map();
  #tickedAt = Number.NEGATIVE_INFINITY;
  #tickInterval = TICK_MS;
  /** One of them, while something waits. */
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stats: RoomStats) {
    this.#stats = stats;
  }

  /** Flushes the document's updates soon; once, however often it is called before. */
  schedule(document: Flushable): void {
    this.#wait(document, this.#updates);
  }

  /** Flushes the document's presence soon, and its updates with it. */
  scheduleAwareness(document: Flushable): void {
    this.#wait(document, this.#awareness);
  }

  /** Forgets a document that is going away. */
  cancel(document: Flushable): void {
    this.#updates.delete(document);
    this.#awareness.delete(document);
  }

  #wait(document: Flushable, waiting: Map<Flushable, number>): void {
    if (waiting.has(document)) return;
    const now = performance.now();
    waiting.set(document, now);
    if (this.#immediate !== undefined || this.#timer !== undefined) return;
    const delay = Math.ceil(this.#tickedAt + this.#tickInterval - now);
    if (delay > 0) this.#timer = setTimeout(() => this.#tick(), delay);
    else this.#immediate = setImmediate(() => this.#tick());
  }

  #tick(): void {
    this.#immediate = undefined;
    this.#timer = undefined;
    const now = performance.now();
    const excess = excessOf(this.#load.get(now));
    this.#tickedAt = now;
    this.#tickInterval = TICK_MS + excess * (BUSY_TICK_MS - TICK_MS);
    const nearest = now + this.#tickInterval / 2;
    for (const document of this.#awareness.keys()) {
      const interval = intervalOf(PRESENCE, document.fanOut, excess);
      if (document.awarenessFlushedAt + interval <= nearest) this.#flushAll(document, now);
    }
    for (const document of this.#updates.keys()) {
      const interval = intervalOf(UPDATES, document.fanOut, excess);
      if (document.flushedAt + interval <= nearest) this.#flushUpdates(document, now);
    }
    if (this.#updates.size + this.#awareness.size === 0) return;
    this.#timer = setTimeout(() => this.#tick(), Math.ceil(this.#tickInterval));
  }

  #flushAll(document: Flushable, now: number): void {
    const since = Math.min(
      this.#awareness.get(document) ?? now,
      this.#updates.get(document) ?? now,
    );
    this.cancel(document);
    document.awarenessFlushedAt = now;
    document.flushedAt = now;
    document.flush();
    this.#sent(since);
  }

  #flushUpdates(document: Flushable, now: number): void {
    const since = this.#updates.get(document) ?? now;
    this.#updates.delete(document);
    document.flushedAt = now;
    document.flushUpdates();
    this.#sent(since);
  }

  #sent(since: number): void {
    this.#stats.flushSeconds.observe((performance.now() - since) / 1_000, 1);
  }
}

function intervalOf(pace: Pace, fanOut: number, excess: number): number {
  const ofFanOut = fanOut <= SMALL_FAN_OUT ? 0 : Math.min(pace.crowd, fanOut * pace.perSink);
  return Math.max(pace.least, ofFanOut, excess * pace.busy);
}

/** How loaded the event loop is, from 0 (not worth mentioning) to 1 (busy). */
function excessOf(load: number): number {
  return Math.max(0, Math.min(load, BUSY) - LOADED) / (BUSY - LOADED);
}
