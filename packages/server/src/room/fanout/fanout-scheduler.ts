import type { RoomStats } from "../room-stats.ts";
import { Pace } from "./pace.ts";

/** A room, as the fan-out scheduler sees it. */
export interface Flushable {
  /** How many sinks one flush may write to. */
  readonly fanOut: number;
  /** What the room has to send, and when. Used by the scheduler alone. */
  readonly pending: PendingFanout;
  /** Sends its subscribers the updates and awareness they lack. Never throws. */
  flush(): void;
  /** Sends its subscribers the updates they lack, without awareness. Never throws. */
  flushUpdates(): void;
}

/** What a room has to send to its subscribers, and when it last did. Times are in milliseconds. */
export class PendingFanout {
  hasUpdates = false;
  hasAwareness = false;
  /** When the oldest of it arrived. */
  since = 0;
  /** When to flush; `Infinity` if nothing is pending. */
  due = Number.POSITIVE_INFINITY;
  flushedAt = Number.NEGATIVE_INFINITY;
  awarenessFlushedAt = Number.NEGATIVE_INFINITY;

  get isEmpty(): boolean {
    return !this.hasUpdates && !this.hasAwareness;
  }

  clear(): void {
    this.hasUpdates = false;
    this.hasAwareness = false;
    this.due = Number.POSITIVE_INFINITY;
  }
}

/** One slot for each millisecond. No room waits longer than there are slots. */
const SLOTS = 256;

/**
 * Decides when rooms send changes. As long as the event loop has time to spare, a change is sent at the
 * end of the turn in which it arrived. As the load grows, or for a room that writes to many clients,
 * changes are gathered: `Pace` says for how long. The first change after a pause is always sent at
 * once, and rooms do not wait for one another.
 */
export class FanoutScheduler {
  readonly #stats: RoomStats;
  readonly #pace: Pace;
  /** Rooms to flush at the end of this turn. */
  #turn: Flushable[] = [];
  /** A timing wheel: rooms by the millisecond in which they are due. Entries may be outdated. */
  readonly #slots: Flushable[][] = Array.from({ length: SLOTS }, () => []);
  #waiting = 0;
  /** The last millisecond whose rooms have been flushed. */
  #reached = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerDue = Number.POSITIVE_INFINITY;

  constructor(stats: RoomStats, pace: Pace = new Pace()) {
    this.#stats = stats;
    this.#pace = pace;
  }

  /** Flushes the room's updates soon; calls until then are combined. */
  schedule(room: Flushable): void {
    const { pending } = room;
    if (pending.hasUpdates) return;
    const now = performance.now();
    if (pending.isEmpty) pending.since = now;
    pending.hasUpdates = true;
    this.#wait(room, pending.flushedAt + this.#pace.ofUpdates(room.fanOut, now), now);
  }

  /** Flushes the room's awareness soon, and its updates with it. */
  scheduleAwareness(room: Flushable): void {
    const { pending } = room;
    if (pending.hasAwareness) return;
    const now = performance.now();
    if (pending.isEmpty) pending.since = now;
    pending.hasAwareness = true;
    this.#wait(room, this.#awarenessDue(room, now), now);
  }

  /** Forgets a room that is being unloaded. */
  cancel(room: Flushable): void {
    room.pending.clear();
  }

  #awarenessDue({ pending, fanOut }: Flushable, now: number): number {
    return Math.max(
      pending.flushedAt + this.#pace.ofLoad(now),
      pending.awarenessFlushedAt + this.#pace.ofAwareness(fanOut),
    );
  }

  #wait(room: Flushable, due: number, now: number): void {
    const { pending } = room;
    if (pending.due <= due) return;
    if (due <= now) {
      pending.due = now;
      this.#turn.push(room);
      if (this.#turn.length === 1) setImmediate(() => this.#endTurn());
      return;
    }
    pending.due = Math.min(Math.ceil(due), Math.floor(now) + SLOTS - 1);
    this.#slots[pending.due % SLOTS]?.push(room);
    if (this.#waiting++ === 0) this.#reached = Math.floor(now);
    if (pending.due < this.#timerDue) this.#arm(pending.due, now);
  }

  #endTurn(): void {
    const rooms = this.#turn;
    this.#turn = [];
    const now = performance.now();
    for (const room of rooms) if (room.pending.due <= now) this.#flush(room, now);
  }

  #arm(due: number, now: number): void {
    clearTimeout(this.#timer);
    this.#timerDue = due;
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, due - now));
  }

  #tick(): void {
    const now = performance.now();
    const last = Math.floor(now);
    this.#timer = undefined;
    this.#timerDue = Number.POSITIVE_INFINITY;
    const first = Math.max(this.#reached + 1, last - SLOTS + 1);
    this.#reached = last;
    for (let at = first; at <= last; at++) {
      const slot = this.#slots[at % SLOTS];
      if (slot === undefined || slot.length === 0) continue;
      this.#slots[at % SLOTS] = [];
      this.#waiting -= slot.length;
      for (const room of slot) if (room.pending.due <= now) this.#flush(room, now);
    }
    for (let at = last + 1; this.#waiting > 0 && at <= last + SLOTS; at++) {
      if (this.#slots[at % SLOTS]?.length === 0) continue;
      this.#arm(at, performance.now());
      return;
    }
  }

  #flush(room: Flushable, now: number): void {
    const { pending } = room;
    const { since } = pending;
    const withAwareness = pending.hasAwareness && this.#awarenessDue(room, now) <= now + 1;
    pending.hasUpdates = false;
    pending.due = Number.POSITIVE_INFINITY;
    pending.flushedAt = now;
    if (withAwareness) {
      pending.hasAwareness = false;
      pending.awarenessFlushedAt = now;
      room.flush();
    } else {
      room.flushUpdates();
    }
    if (pending.hasAwareness) this.#wait(room, this.#awarenessDue(room, now), now);
    this.#stats.flushSeconds.observe((performance.now() - since) / 1_000, 1);
  }
}
