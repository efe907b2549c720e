import type { Logger } from "pino";
import { type BackoffBounds, backoff } from "../../runtime/backoff.ts";
import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../../storage/errors.ts";
import type { Journal } from "../../storage/journal.ts";
import { Pace } from "../fanout/pace.ts";
import { JournalStats } from "../room-stats.ts";
import { CommitPlan, commitsByRoom, type JournaledRoom } from "./commit-plan.ts";
import { DurabilityWaiters } from "./durability-waiters.ts";

/** Once a commit takes longer than this, sending updates to other clients no longer waits for it. */
const SLOW_MS = 25;
/** Readiness reports a commit that takes longer than this, or fails, as a problem. */
const STALL_MS = 200;
const RETRY: BackoffBounds = { first: 100, longest: 5_000 };
/** With more than this waiting to be written, the server stops reading from clients until it shrinks. */
export const BACKLOG_BYTES: number = 128 * 1024 * 1024;

/**
 * Writes the clients' updates from all logs to the journal in group commits, one at a time, each with
 * the pending updates of all rooms. A failed commit is retried indefinitely.
 */
export class JournalWriter {
  readonly stats: JournalStats = new JournalStats();
  readonly #journal: Journal;
  readonly #logger: Logger;
  readonly #onDurable: ((room: string) => void) | undefined;
  readonly #rooms: Set<JournaledRoom> = new Set();
  #pending: Set<JournaledRoom> = new Set();
  #running: Promise<void> | undefined;
  #committing: Promise<boolean> | undefined;
  readonly #plan: CommitPlan = new CommitPlan();
  readonly #durability: DurabilityWaiters = new DurabilityWaiters();
  #waiters: (() => void)[] = [];
  readonly #mostBytes: number;
  readonly #pace: Pace;
  #slow = false;
  #stalledSince: number | undefined;
  #failure: string | undefined;
  #backlog = 0;
  /** When the oldest update in the commit under way arrived. */
  #writingSince = Number.POSITIVE_INFINITY;
  /** When the oldest update that is not yet in a commit arrived. */
  #waitingSince = Number.POSITIVE_INFINITY;
  /** When the last commit ended. */
  #committedAt = Number.NEGATIVE_INFINITY;
  #closed = false;
  #wake: (() => void) | undefined;

  /**
   * @param onDurable called for each room with updates that have become durable
   * @param pace how long to gather updates after a commit, so that a busy server does not sync once per
   *   update
   * @param mostBytes the writer is `full` while more than this waits to be written
   */
  constructor(
    journal: Journal,
    logger: Logger,
    onDurable?: (room: string) => void,
    mostBytes: number = BACKLOG_BYTES,
    pace: Pace = new Pace(),
  ) {
    this.#pace = pace;
    this.#mostBytes = mostBytes;
    this.#journal = journal;
    this.#logger = logger;
    this.#onDurable = onDurable;
  }

  /** True while commits fail or are slow: clients then get others' updates before these are durable. */
  get slow(): boolean {
    return this.#slow;
  }

  /** Why commits are stalled or failing, or `undefined` if they are not. */
  get problem(): string | undefined {
    if (this.#stalledSince === undefined) return undefined;
    return this.#failure ?? `a commit has been under way since ${ago(this.#stalledSince)}`;
  }

  /** How much is not durable yet, and how long the oldest update has waited. */
  get lag(): { readonly bytes: number; readonly seconds: number } {
    const since = Math.min(this.#writingSince, this.#waitingSince);
    return { bytes: this.#backlog, seconds: Math.max(0, secondsFrom(since)) };
  }

  /** True while too much waits to be written. */
  get full(): boolean {
    return this.#backlog > this.#mostBytes;
  }

  /** Resolves once the writer is no longer `full`, or is closed. */
  whenNotFull(): Promise<void> {
    if (!this.full || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  add(room: JournaledRoom): void {
    this.#rooms.add(room);
  }

  remove(room: JournaledRoom): void {
    this.#rooms.delete(room);
    this.#pending.delete(room);
  }

  /**
   * Abandons the updates of a room that are not durable.
   *
   * @returns resolves when none of them is being written. Does not reject.
   */
  async discard(room: JournaledRoom, reason: Error): Promise<void> {
    this.remove(room);
    if (this.#pending.size === 0) this.#waitingSince = Number.POSITIVE_INFINITY;
    this.#durability.fail(reason, room);
    await this.settled();
    // Updates committed in the meantime have already been subtracted.
    const { log } = room;
    for (const { origin, update } of log.entries(log.durable, log.end)) {
      if (origin.kind !== "remote") this.#backlog -= update.length;
    }
    if (!this.full) this.#release();
  }

  /** Resolves when the commit under way has ended, successfully or not. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#committing]);
  }

  /**
   * Resolves when everything below an offset of a room's log is durable.
   *
   * @throws StorageError if the writer is closed first or has abandoned the room
   * @throws the reason for which the room was discarded
   */
  async whenDurable(room: JournaledRoom, end: number): Promise<void> {
    if (this.#closed) throw closedError();
    if (room.log.durable < end && !this.#rooms.has(room)) {
      throw new StorageError("the document was discarded before the update was durable");
    }
    await this.#durability.wait(room, end);
  }

  /** Schedules a commit of what the room has just appended. @param bytes size of that */
  enqueue(room: JournaledRoom, bytes: number): void {
    this.#backlog += bytes;
    if (this.#waitingSince === Number.POSITIVE_INFINITY) this.#waitingSince = performance.now();
    this.#pending.add(room);
    this.#running ??= this.#run();
  }

  /** Resolves when everything that was enqueued is durable; never while the journal fails. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Ends the pause before the next attempt: the journal is known to respond again. */
  retry(): void {
    this.#wake?.();
  }

  /** Stops retrying. Updates that are not durable are no longer written. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
    this.#release();
    this.#durability.fail(closedError());
  }

  async #run(): Promise<void> {
    let failures = 0;
    await this.#gather();
    while (this.#pending.size > 0 && !this.#closed) {
      try {
        const commit = this.#commit();
        this.#committing = commit;
        const isWhole = await commit;
        failures = 0;
        this.#recovered();
        this.#committedAt = performance.now();
        // What did not fit into the commit follows at once, with what arrived in the meantime.
        if (isWhole && this.#pending.size > 0) await this.#gather();
      } catch (error) {
        this.#failed(error);
        failures++;
        await this.#pause(backoff(failures, RETRY));
      }
    }
    this.#running = undefined;
  }

  /** Waits for the end of this turn of the event loop, or longer if the last commit was just before. */
  async #gather(): Promise<void> {
    const now = performance.now();
    const left = this.#committedAt + this.#pace.ofCommits(now) - now;
    if (left > 0) await this.#pause(left);
    else await new Promise((resolve) => setImmediate(resolve));
  }

  /** @returns whether everything pending fitted into this commit */
  async #commit(): Promise<boolean> {
    const rooms = [...this.#pending].filter((room) => this.#rooms.has(room));
    const { rows, sources, bytes, rest } = this.#plan.next(rooms);
    this.#pending = new Set(rest);
    const began = performance.now();
    this.#writingSince = this.#waitingSince;
    // What is left for the next commit may be just as old.
    if (this.#pending.size === 0) this.#waitingSince = Number.POSITIVE_INFINITY;
    const slow = setTimeout(() => this.#slowDown(rooms), SLOW_MS);
    const stall = setTimeout(() => this.#stall(), STALL_MS);
    try {
      const ids = await this.#journal.append(rows);
      for (const [room, commit] of commitsByRoom(sources, ids)) {
        room.committed(commit);
        this.#onDurable?.(room.name);
      }
      this.#backlog -= bytes;
      this.#durability.check();
      this.#plan.took(bytes, performance.now() - began);
      this.#count(rows.length, bytes, began);
      if (!this.full) this.#release();
      return rest.length === 0;
    } catch (error) {
      this.stats.failures++;
      this.#waitingSince = this.#writingSince;
      for (const room of rooms) if (this.#rooms.has(room)) this.#pending.add(room);
      this.#slowDown(rooms);
      this.#stall();
      throw error;
    } finally {
      clearTimeout(slow);
      clearTimeout(stall);
      this.#writingSince = Number.POSITIVE_INFINITY;
    }
  }

  /** Counts a commit that has become durable. */
  #count(updates: number, bytes: number, began: number): void {
    const { stats } = this;
    stats.batch.observe(updates);
    stats.bytes += bytes;
    stats.commitSeconds.observe(secondsFrom(began));
    stats.acknowledgementSeconds.observe(secondsFrom(this.#writingSince), updates);
  }

  #slowDown(rooms: readonly JournaledRoom[]): void {
    if (this.#slow) return;
    this.#slow = true;
    for (const room of rooms) room.flush();
  }

  #stall(): void {
    this.#stalledSince ??= Date.now();
  }

  #failed(error: unknown): void {
    const first = this.#failure === undefined;
    this.#failure = reasonOf(error);
    if (first) this.#logger.error({ err: error }, "journal write failed, retrying");
  }

  #recovered(): void {
    if (this.#failure !== undefined) this.#logger.info("journal writes succeed again");
    this.#slow = false;
    this.#stalledSince = undefined;
    this.#failure = undefined;
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      this.#wake = done;
      function done() {
        clearTimeout(timer);
        resolve();
      }
    });
  }
}

function closedError(): StorageError {
  return new StorageError("the server shut down before the update was durable");
}

function secondsFrom(time: number): number {
  return (performance.now() - time) / 1_000;
}

function ago(time: number): string {
  return new Date(time).toISOString();
}
