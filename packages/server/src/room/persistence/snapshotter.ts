import pLimit, { type LimitFunction } from "p-limit";
import type { Logger } from "pino";
import type { ServerObserver } from "../../hooks/server-observer.ts";
import { OutageLog } from "../../runtime/outage-log.ts";
import { reasonOf } from "../../runtime/reason.ts";
import { CorruptedError, SnapshotTooLargeError, StorageError } from "../../storage/errors.ts";
import { DeletedError } from "../deleted-rooms.ts";
import type { Room } from "../room.ts";
import { SnapshotStats } from "../room-stats.ts";
import type { UpdateWorkers } from "../workers/update-workers.ts";
import { OverBudgetError } from "../workers/worker-errors.ts";
import { StoreBreaker } from "./store-breaker.ts";
import type { Stores } from "./stored-room.ts";

export interface SnapshotterOptions {
  readonly stores: Stores;
  readonly workers: UpdateWorkers;
  readonly observer: Pick<ServerObserver, "roomStored">;
  readonly logger: Logger;
}

/** How many snapshots are written at once. */
const WRITES_AT_ONCE = 8;

/** The snapshot is postponed: while the store fails, only one room at a time tries. */
class PostponedError extends Error {
  override readonly name = "PostponedError";
}

/**
 * Stores snapshots of rooms, at most one per room at a time. The workers schedule the compactions fairly
 * between rooms; afterwards a few snapshots are written concurrently. A room with a slow compaction does
 * not occupy a write slot.
 */
export class Snapshotter {
  readonly stats: SnapshotStats = new SnapshotStats();
  readonly #options: SnapshotterOptions;
  readonly #saving: Map<Room, Promise<void>> = new Map();
  readonly #cancelled: WeakSet<Room> = new WeakSet();
  readonly #writing: Set<Room> = new Set();
  readonly #writes: LimitFunction = pLimit(WRITES_AT_ONCE);
  readonly #breaker: StoreBreaker = new StoreBreaker();
  readonly #outage: OutageLog;
  /** Rooms whose last snapshot failed for a reason of their own, and that reason. */
  readonly #roomFailures: Map<string, string> = new Map();
  #closed = false;

  constructor(options: SnapshotterOptions) {
    this.#options = options;
    this.#outage = new OutageLog({
      logger: options.logger,
      failing: "storing snapshots failed, retrying with growing pauses",
      working: "storing snapshots succeeds again",
    });
  }

  /** Why the store rejects snapshots, or `undefined` if it accepted the last one. */
  get problem(): string | undefined {
    return this.#outage.problem;
  }

  /** Why some rooms have no current snapshot although the store is healthy; `undefined` if all have. */
  get roomProblem(): string | undefined {
    const count = Math.max(this.#roomFailures.size, this.#breaker.failing);
    if (count === 0 || this.problem !== undefined) return undefined;
    const [reason = "rejected by the store"] = this.#roomFailures.values();
    return `${count} ${count === 1 ? "room" : "rooms"} could not be stored, for example: ${reason}`;
  }

  /** Milliseconds until a room may be tried again; 0 if it may be tried now. */
  retryIn({ name }: Room): number {
    return this.#breaker.waitMs(name);
  }

  /** Whether a snapshot of the room is being written; false while it is still being built. */
  isWriting(room: Room): boolean {
    return this.#writing.has(room);
  }

  /** Stores a room soon, unless it has to wait after a failure. */
  schedule(room: Room): void {
    if (this.retryIn(room) === 0) void this.save(room);
  }

  /** Starts no further write for a room that is being unloaded. */
  cancel(room: Room): void {
    this.#cancelled.add(room);
    this.#breaker.forget(room.name);
    this.#roomFailures.delete(room.name);
  }

  /** Stores a snapshot if the room has changed. Never rejects. */
  async save(room: Room): Promise<void> {
    let saving = this.#saving.get(room);
    if (saving === undefined) {
      saving = this.#store(room).finally(() => this.#saving.delete(room));
      this.#saving.set(room, saving);
    }
    await saving;
  }

  /**
   * Resolves when no snapshot of the room is being written any more. One that was cancelled before its
   * write began is not waited for.
   */
  async settled(name: string): Promise<void> {
    for (const [room, saving] of this.#saving) {
      if (room.name !== name) continue;
      if (this.#writing.has(room) || !this.#cancelled.has(room)) await saving;
    }
  }

  /** Stores the rooms, until `signal` aborts. Never rejects. */
  async saveAll(rooms: readonly Room[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      rooms.map(async (room) => {
        // A save already under way may miss updates that have become durable since it began.
        await this.#saving.get(room);
        if (!signal.aborted) await this.save(room);
      }),
    );
  }

  /** Ends the pauses after failures: the store is known to respond again. */
  retry(): void {
    this.#breaker.retry();
  }

  /** The server is shutting down: a failure from now on is no error, as the journal has the updates. */
  close(): void {
    this.#closed = true;
  }

  async #store(room: Room): Promise<void> {
    const { stores, workers, logger, observer } = this.#options;
    const { stats } = this;
    const { name, updatedAt } = room;
    const began = performance.now();
    try {
      const write = <T>(work: () => Promise<T>) => this.#write(room, work);
      const bytes = await room.persistence.store({ stores, workers, logger, stats, write });
      this.#roomFailures.delete(name);
      if (bytes === null) return;
      stats.seconds.observe((performance.now() - began) / 1_000);
      stats.bytes += bytes;
      observer.roomStored(name, bytes, updatedAt || Date.now());
      logger.debug({ room: name, bytes }, "snapshot stored");
    } catch (error) {
      if (!this.#cancelled.has(room)) this.#failed(name, error);
    }
  }

  /** Writes in turn, if the store is not known to fail. */
  async #write<T>(room: Room, work: () => Promise<T>): Promise<T> {
    const { name } = room;
    if (this.#breaker.waitMs(name) > 0) throw new PostponedError();
    return await this.#writes(async () => {
      if (this.#cancelled.has(room) || this.#breaker.waitMs(name) > 0) throw new PostponedError();
      this.#breaker.begin(name);
      this.#writing.add(room);
      try {
        const result = await work();
        this.#breaker.worked(name);
        this.#outage.worked();
        return result;
      } catch (error) {
        this.#breaker.ended(name);
        throw error;
      } finally {
        this.#writing.delete(room);
      }
    });
  }

  #failed(room: string, error: unknown): void {
    if (error instanceof DeletedError || error instanceof PostponedError) return;
    const { logger } = this.#options;
    if (this.#closed) {
      logger.info({ room }, "snapshot not finished, the journal has the remaining updates");
      return;
    }
    this.stats.failures++;
    if (isOfStore(error)) {
      this.#breaker.failed(room);
      this.#outage.failed(error, { room });
      return;
    }
    const isNew = !this.#roomFailures.has(room);
    this.#roomFailures.set(room, reasonOf(error));
    if (error instanceof OverBudgetError) {
      // The quarantine logs it, and determines the next attempt.
      const { quarantine } = this.#options.workers;
      if (quarantine.allows(room, "merge")) quarantine.exceed(room, "merge", error);
      return;
    }
    const level = isNew ? "error" : "debug";
    logger[level]({ room, err: error }, "storing a room failed, retrying");
  }
}

/** Whether other rooms are likely to fail in the same way. */
function isOfStore(error: unknown): error is StorageError {
  const isOfRoom = error instanceof CorruptedError || error instanceof SnapshotTooLargeError;
  return error instanceof StorageError && !isOfRoom;
}
