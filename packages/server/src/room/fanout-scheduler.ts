import { EventLoopLoad } from "./event-loop-load.ts";
import type { RoomStats } from "./room-stats.ts";

/** A room, as the fan-out scheduler sees it. */
export interface Flushable {
  /** How many sinks one flush may write to. */
  readonly fanOut: number;
  /** When updates were last flushed, by `performance.now()`; maintained by the scheduler. */
  flushedAt: number;
  /** When awareness was last flushed; maintained by the scheduler. */
  awarenessFlushedAt: number;
  /** Sends its subscribers the updates and awareness they lack. Never throws. */
  flush(): void;
  /** Sends its subscribers the updates they lack, without awareness. Never throws. */
  flushUpdates(): void;
}

/** How long a room gathers changes between two flushes, in milliseconds. */
interface Pace {
  readonly least: number;
  readonly perSink: number;
  /** The longest interval that a room's size alone can cause. */
  readonly crowd: number;
  /** The interval on a busy server. */
  readonly busy: number;
}

const UPDATES: Pace = { least: 0, perSink: 0.4, crowd: 50, busy: 140 };
/** Awareness costs more: clients answer each awareness message by echoing all of its states. */
const PRESENCE: Pace = { least: 50, perSink: 1.6, crowd: 200, busy: 140 };

/** A flush to this many sinks or fewer is cheap. */
const SMALL_FAN_OUT = 8;
/** Above this event loop load, every room gathers for longer. */
const LOADED = 0.2;
/** At this load the server counts as busy; in between, intervals grow linearly. */
const BUSY = 0.5;

/**
 * The shortest time between two ticks. In between, the changes of all rooms are gathered: that takes
 * one wake-up, sends one packet to the other servers, and lets the clients' answers arrive together. A
 * busy server has enough to do in each turn anyway, and larger bursts would delay other work.
 */
const TICK_MS = 25;
const BUSY_TICK_MS = 5;

/**
 * Decides when rooms send changes. A change after a quiet period is sent at the end of the current turn
 * of the event loop, the rest at the next tick. But each flush costs one write per client, and with
 * awareness an answer from each client as well. So the scheduler keeps an interval between two flushes
 * of a room, in which updates are gathered, and a longer one for awareness. The interval grows with the
 * size of the room, so that n clients that all write cost on the order of n, not n². It also grows with
 * the load: a busy server delays changes by some tens of milliseconds, and what that saves keeps it
 * from falling behind.
 */
export class FanoutScheduler {
  readonly #stats: RoomStats;
  readonly #load: EventLoopLoad = new EventLoopLoad();
  /** The rooms with updates to send, and since when. */
  readonly #updates: Map<Flushable, number> = new Map();
  /** The rooms with awareness to send, and since when. */
  readonly #awareness: Map<Flushable, number> = new Map();
  #tickedAt = Number.NEGATIVE_INFINITY;
  #tickInterval = TICK_MS;
  /** Exactly one of these is set while a room is waiting. */
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(stats: RoomStats) {
    this.#stats = stats;
  }

  /** Flushes the room's updates soon; calls until then are combined. */
  schedule(document: Flushable): void {
    this.#wait(document, this.#updates);
  }

  /** Flushes the room's awareness soon, and its updates with it. */
  scheduleAwareness(document: Flushable): void {
    this.#wait(document, this.#awareness);
  }

  /** Forgets a room that is being unloaded. */
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

/** How loaded the event loop is, from 0 (negligible) to 1 (busy). */
function excessOf(load: number): number {
  return Math.max(0, Math.min(load, BUSY) - LOADED) / (BUSY - LOADED);
}
