import type { Logger } from "pino";
import { within } from "../runtime/time-limit.ts";
import { DeletedError } from "./deleted-rooms.ts";
import type { FanoutScheduler } from "./fanout/fanout-scheduler.ts";
import type { JournalWriter } from "./persistence/journal-writer.ts";
import type { Snapshotter } from "./persistence/snapshotter.ts";
import type { Room } from "./room.ts";
import type { RoomLife } from "./room-life.ts";
import type { OpenRoom } from "./room-sweeps.ts";
import type { UpdateWorkers } from "./workers/update-workers.ts";

/** Shortest time after which unloading a room is tried again. */
const RETRY_MS = 1_000;
/** How long a room without users waits for its snapshot, which may exceed the room's budget. */
const SAVE_MS = 60_000;
/** The same for a room that has exceeded its budget before. */
const EXPENSIVE_SAVE_MS = 5_000;

export interface RoomUnloaderOptions {
  readonly workers: UpdateWorkers;
  readonly journal: JournalWriter;
  readonly snapshotter: Snapshotter;
  readonly scheduler: FanoutScheduler;
  readonly logger: Logger;
  /** As `ServerObserver.roomUnloaded`. */
  readonly onUnloaded: (room: string, isUnused: boolean) => void;
}

/**
 * Unloads rooms: those without users once everything is durable and stored, deleted ones without storing
 * them, and all of them when the server shuts down.
 */
export class RoomUnloader {
  readonly #options: RoomUnloaderOptions;
  /** The server is shutting down, which unloads all rooms. */
  #closing = false;

  constructor(options: RoomUnloaderOptions) {
    this.#options = options;
  }

  /** Unloads a room after a delay, in milliseconds, if it has no users by then. */
  schedule(life: RoomLife, delay: number): void {
    if (!this.#closing) life.unloadLater(delay, () => void this.#unload(life));
  }

  /**
   * Unloads a deleted room without storing it, and abandons its updates that are not durable.
   *
   * @returns resolves when none of them is being written. Does not reject.
   */
  async discard(life: RoomLife, room: Room): Promise<void> {
    const { workers, journal } = this.#options;
    const reason = new DeletedError(room.name);
    void life.unload(() => this.#close(life, room));
    room.discard(reason);
    workers.quarantine.end(room.name);
    await journal.discard(room, reason);
  }

  /**
   * Makes everything durable, then stores snapshots until `signal` aborts, then unloads all rooms.
   *
   * @param open returns the rooms that are open at the time of the call
   */
  async unloadAll(open: () => Iterable<OpenRoom>, signal: AbortSignal): Promise<void> {
    const { journal, snapshotter } = this.#options;
    this.#closing = true;
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const saved = journal.flush().then(() => {
      const rooms = Array.from(open(), ([, room]) => room);
      return snapshotter.saveAll(rooms, signal);
    });
    await Promise.race([saved, aborted]);
    snapshotter.close();
    journal.close();
    const closed = Array.from([...open()], ([life, room]) =>
      life.unload(() => this.#close(life, room)),
    );
    await Promise.race([Promise.all(closed), aborted]);
  }

  /** Unloads a room without users once everything is stored; else tries again later. */
  async #unload(life: RoomLife): Promise<void> {
    const { room } = life;
    if (room === null || life.isUsed) return;
    const { workers, snapshotter, logger } = this.#options;
    const { name, persistence } = room;
    const wait = snapshotter.retryIn(room);
    if (wait > 0 && persistence.isChanged) {
      this.schedule(life, wait);
      return;
    }
    const patience = workers.isPenalized(name) ? EXPENSIVE_SAVE_MS : SAVE_MS;
    const saved = await within(patience, snapshotter.save(room));
    if (this.#closing) return;
    // A room that would wait long for a worker is unloaded without a snapshot: the journal has it all.
    const isStored = () =>
      saved
        ? !persistence.isChanged || !workers.quarantine.allows(name, "merge")
        : !snapshotter.isWriting(room);
    if (life.tryUnload(isStored, () => this.#close(life, room))) {
      logger.debug({ room: name }, "unloaded");
    } else if (life.room !== null && !life.isUsed) {
      this.schedule(life, Math.max(RETRY_MS, snapshotter.retryIn(room)));
    }
  }

  /** Stops all work on a room and notifies the other holders. Does not reject. */
  async #close(life: RoomLife, room: Room): Promise<void> {
    const { workers, journal, snapshotter, scheduler, onUnloaded } = this.#options;
    const { name } = room;
    const { replicator } = life;
    snapshotter.cancel(room);
    workers.cancelBackground(name);
    journal.remove(room);
    scheduler.cancel(room);
    const isUnused = room.persistence.isUnused && replicator?.active !== true;
    await replicator?.leave();
    onUnloaded(name, isUnused);
  }
}
