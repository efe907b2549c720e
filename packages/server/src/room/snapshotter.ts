import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { MetadataWriter } from "../metadata/metadata-writer.ts";
import { OutageLog } from "../runtime/outage-log.ts";
import { Turns } from "../runtime/turns.ts";
import { CorruptedError, StorageError } from "../storage/errors.ts";
import { DeletedError } from "./deletions.ts";
import type { Room } from "./room.ts";
import { SnapshotStats } from "./room-stats.ts";
import { StoreBreaker } from "./store-breaker.ts";
import type { Stores } from "./stored-room.ts";
import type { UpdateWorkers } from "./update-workers.ts";
import { OverBudgetError } from "./worker-errors.ts";

export interface SnapshotterOptions {
  readonly stores: Stores;
  readonly workers: UpdateWorkers;
  readonly metadata: MetadataWriter;
  readonly logger: Logger;
  /** What the application is told. */
  readonly hooks?: HookCalls | undefined;
}

/** How many snapshots are written at once. */
const WRITES_AT_ONCE = 8;

/** The snapshot is not written now: while the store fails, one room at a time tries. */
class PostponedError extends Error {
  override readonly name = "PostponedError";
}

/**
 * Stores documents, each once at a time. Compacting them is scheduled by the workers, fairly between
 * rooms; then a few are written at once. A room whose compaction takes long holds no place meanwhile.
 */
export class Snapshotter {
  readonly stats: SnapshotStats = new SnapshotStats();
  readonly #options: SnapshotterOptions;
  readonly #saving: Map<Room, Promise<void>> = new Map();
  readonly #cancelled: WeakSet<Room> = new WeakSet();
  readonly #writing: Set<Room> = new Set();
  readonly #writes: Turns = new Turns(WRITES_AT_ONCE);
  readonly #breaker: StoreBreaker = new StoreBreaker();
  readonly #outage: OutageLog;
  /** Of rooms whose last snapshot failed for a reason of their own. */
  readonly #roomFailures: Map<string, string> = new Map();
  #closed = false;

  constructor(options: SnapshotterOptions) {
    this.#options = options;
    this.#outage = new OutageLog({
      logger: options.logger,
      failing: "snapshots cannot be stored; trying again with growing pauses",
      working: "snapshots can be stored again",
    });
  }

  /** Why the store takes no snapshots, or `undefined` when it took the last one. */
  get problem(): string | undefined {
    return this.#outage.problem;
  }

  /** Why single rooms have no current snapshot although the store works; `undefined` if all have. */
  get roomProblem(): string | undefined {
    const count = Math.max(this.#roomFailures.size, this.#breaker.failing);
    if (count === 0 || this.problem !== undefined) return undefined;
    const [reason = "the store refuses them"] = this.#roomFailures.values();
    return `${count} ${count === 1 ? "room" : "rooms"} could not be stored, of one: ${reason}`;
  }

  /** In how many milliseconds it makes sense to try a room again; 0 when it may be tried now. */
  retryIn({ name }: Room): number {
    return this.#breaker.waitMs(name);
  }

  /** Whether a snapshot of the document is being written, and not just made. */
  isWriting(room: Room): boolean {
    return this.#writing.has(room);
  }

  /** Stores a document soon. */
  schedule(room: Room): void {
    if (this.retryIn(room) === 0) void this.save(room);
  }

  /** Begins nothing more with a document that is going away. */
  cancel(room: Room): void {
    this.#cancelled.add(room);
    this.#breaker.forget(room.name);
    this.#roomFailures.delete(room.name);
  }

  /** Stores a snapshot if there is something to store. Never rejects. */
  async save(room: Room): Promise<void> {
    let saving = this.#saving.get(room);
    if (saving === undefined) {
      saving = this.#store(room).finally(() => this.#saving.delete(room));
      this.#saving.set(room, saving);
    }
    await saving;
  }

  /** Resolves when no snapshot of a room is being written, nor will be of one that was cancelled. */
  async settled(name: string): Promise<void> {
    for (const [room, saving] of this.#saving) {
      if (room.name !== name) continue;
      if (this.#writing.has(room) || !this.#cancelled.has(room)) await saving;
    }
  }

  /** Stores these, until `signal` aborts. Never rejects. */
  async saveAll(rooms: readonly Room[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      rooms.map(async (room) => {
        // What was begun before may leave out what has become durable since.
        await this.#saving.get(room);
        if (!signal.aborted) await this.save(room);
      }),
    );
  }

  /** Ends the pauses after failures: the store is known to answer again. */
  retry(): void {
    this.#breaker.retry();
  }

  /** The server ends: what fails from now on stays in the journal, and is no error. */
  close(): void {
    this.#closed = true;
  }

  async #store(room: Room): Promise<void> {
    const { stores, workers, logger, metadata } = this.#options;
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
      metadata.add({ type: "room-saved", room: name, at: updatedAt || Date.now(), bytes });
      this.#options.hooks?.stored({ room: name, bytes });
      logger.debug({ room: name, bytes }, "snapshot stored");
    } catch (error) {
      if (!this.#cancelled.has(room)) this.#failed(name, error);
    }
  }

  /** Writes in turn, if the store is not known to fail. */
  async #write<T>(room: Room, work: () => Promise<T>): Promise<T> {
    const { name } = room;
    if (this.#breaker.waitMs(name) > 0) throw new PostponedError();
    return await this.#writes.take(async () => {
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
      logger.info({ room }, "a snapshot was not finished; the journal has what it lacks");
      return;
    }
    this.stats.failures++;
    if (error instanceof StorageError && !(error instanceof CorruptedError)) {
      this.#breaker.failed(room);
      this.#outage.failed(error, { room });
      return;
    }
    const isNew = !this.#roomFailures.has(room);
    this.#roomFailures.set(room, error instanceof Error ? error.message : String(error));
    if (error instanceof OverBudgetError) {
      // Its quarantine says so, and when it is tried again.
      const { quarantine } = this.#options.workers;
      if (quarantine.allows(room, "merge")) quarantine.exceed(room, "merge", error);
      return;
    }
    const level = isNew ? "error" : "debug";
    logger[level]({ room, err: error }, "a room could not be stored; trying again");
  }
}
