import type { Logger } from "pino";
import type { Cluster } from "../replication/cluster.ts";
import type { DocumentContent, PeerAnswer, PeerRequest } from "../replication/peers.ts";
import type { Incarnation, ServerAddress } from "../replication/registry.ts";
import { ReplicationStats } from "../replication/replication-stats.ts";
import { Replicator } from "../replication/replicator.ts";
import { withoutRepeats } from "../runtime/without-repeats.ts";
import type { Tombstone } from "../storage/metadata.ts";
import { Deletions } from "./deleted-rooms.ts";
import { FanoutScheduler } from "./fanout/fanout-scheduler.ts";
import { Pace } from "./fanout/pace.ts";
import { PublishScheduler } from "./fanout/publish-scheduler.ts";
import { JournalWriter } from "./persistence/journal-writer.ts";
import { Snapshotter } from "./persistence/snapshotter.ts";
import type { Room } from "./room.ts";
import { RoomLife, type RoomsUsage, usageOf } from "./room-life.ts";
import { RoomLoader, type RoomLoaderOptions } from "./room-loader.ts";
import { RoomStats } from "./room-stats.ts";
import { type OpenRoom, RoomSweeps } from "./room-sweeps.ts";
import { RoomUnloader } from "./room-unloader.ts";
import { Session } from "./session.ts";
import { heapBudget } from "./workers/task-budget.ts";
import { UpdateWorkers } from "./workers/update-workers.ts";

export interface RoomTableOptions extends Omit<RoomLoaderOptions, "services"> {
  readonly cluster: Cluster;
  /** How often a changed room is snapshotted, in milliseconds. */
  readonly snapshotInterval: number;
  /** How long a room stays in memory after its last session, in milliseconds. */
  readonly unloadDelay: number;
  /** Whether deleted content is dropped when documents are compacted. */
  readonly collect: boolean;
  /** The largest document that clients may make, in bytes; without it there is no limit. */
  readonly maxDocumentBytes?: number | undefined;
  /** With more bytes than this waiting for the journal, the server stops reading from clients. */
  readonly journalBacklog?: number | undefined;
  /** How many bytes the process may use; defaults to the machine's memory. */
  readonly memory?: number | undefined;
}

/** This server is shutting down and no longer opens rooms. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";
}

/**
 * The rooms that this server holds. A room is loaded for its first user, snapshotted while it changes,
 * and unloaded some time after its last user has left, once everything is durable and stored. See
 * `RoomLife`.
 */
export class RoomTable {
  /** Whether the observer receives updates, and their authors. */
  readonly tellsChanges: boolean;
  readonly workers: UpdateWorkers;
  readonly journal: JournalWriter;
  readonly snapshotter: Snapshotter;
  readonly stats: RoomStats = new RoomStats();
  readonly replicationStats: ReplicationStats = new ReplicationStats();
  readonly #pace: Pace = new Pace();
  readonly #scheduler: FanoutScheduler = new FanoutScheduler(this.stats, this.#pace);
  readonly #options: RoomTableOptions;
  readonly #rooms: Map<string, RoomLife> = new Map();
  readonly #deletions: Deletions = new Deletions();
  readonly #sweeps: RoomSweeps;
  /** Drops repeated messages: while a service is down, every room would log it over and over. */
  readonly #replicationLogger: Logger;
  readonly #loader: RoomLoader;
  readonly #unloader: RoomUnloader;
  #closing = false;

  constructor(options: RoomTableOptions) {
    this.#options = options;
    this.#replicationLogger = withoutRepeats(options.logger);
    this.journal = new JournalWriter(
      options.stores.journal,
      options.logger,
      (room) => options.observer.roomCommitted(room),
      options.journalBacklog,
      this.#pace,
    );
    this.workers = new UpdateWorkers(heapBudget(options.memory));
    this.snapshotter = new Snapshotter({ ...options, workers: this.workers });
    this.workers.quarantine.onChange((room, state) => {
      if (state === null) options.logger.info({ room }, "a room is no longer quarantined");
      else options.logger.warn({ room, ...state }, "a room is quarantined: it exceeds its budget");
    });
    const { observer, collect, maxDocumentBytes } = options;
    this.tellsChanges = observer.updateCommitted !== null;
    this.#loader = new RoomLoader({
      ...options,
      services: {
        workers: this.workers,
        compaction: collect ? "collect" : "join",
        scheduler: this.#scheduler,
        publishing: new PublishScheduler(),
        journal: this.journal,
        stats: this.stats,
        maxDocumentBytes,
        observer,
      },
    });
    this.#unloader = new RoomUnloader({
      ...options,
      ...{ workers: this.workers, journal: this.journal, snapshotter: this.snapshotter },
      scheduler: this.#scheduler,
      onUnloaded: (name, isUnused) => {
        this.#rooms.delete(name);
        observer.roomUnloaded(name, isUnused);
      },
    });
    const { registry } = options.cluster;
    this.#sweeps = new RoomSweeps({
      ...{ registry, logger: options.logger, snapshotInterval: options.snapshotInterval },
      snapshotter: this.snapshotter,
      open: () => this.#open(),
    });
    registry.onRejoined(() => {
      options.logger.warn("lease expired, registering all rooms again");
      this.replicationStats.rejoins++;
      for (const life of this.#rooms.values()) life.replicator?.rejoin();
    });
  }

  /** How many rooms are in memory. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Why snapshots cannot be stored, or `undefined` if the last one was. */
  get snapshotProblem(): string | undefined {
    return this.snapshotter.problem;
  }

  /** Problems of individual rooms, without their names; `undefined` if there are none. */
  get roomProblem(): string | undefined {
    const { size } = this.workers.quarantine;
    const quarantined = size === 0 ? undefined : `${size} quarantined for exceeding their budgets`;
    const problems = [quarantined, this.snapshotter.roomProblem];
    return problems.filter((one) => one !== undefined).join("; ") || undefined;
  }

  /** Visits every room, so it is too slow to call per client request. */
  usage(): RoomsUsage {
    return usageOf(this.#rooms.values());
  }

  /** Whether this server is a holder of a room. */
  holds(name: string): boolean {
    const life = this.#rooms.get(name);
    return life !== undefined && life.state.name !== "closing";
  }

  /** Whether this server has a room open, and knows of no other holder. */
  holdsAlone(name: string): boolean {
    const life = this.#rooms.get(name);
    return life?.state.name === "open" && life.replicator?.active === false;
  }

  /** The current content of an open room, or `null`. This does not count as using the room. */
  inspect(name: string): DocumentContent | null {
    const room = this.#rooms.get(name)?.room;
    if (room == null) return null;
    const { log, awareness } = room;
    const tail = [...log.entries(log.baseEnd, log.end)].map(({ update }) => update);
    return { updates: [log.base.update, ...tail], awareness: awareness.present() };
  }

  /**
   * Opens a room and starts a session in it. The caller disposes of the session.
   *
   * @throws CorruptedError, StorageError as `loadRoom`; ClosedError; DeletedError
   */
  async open(name: string): Promise<Session> {
    for (;;) {
      if (this.#closing) throw new ClosedError("the server is shutting down");
      this.#deletions.check(name);
      const life = this.#rooms.get(name) ?? this.#begin(name);
      const { state } = life;
      if (state.name === "open") return new Session(life.use(), () => this.#release(life));
      await (state.name === "opening" ? state.opened : state.closed);
    }
  }

  /**
   * Resolves when everything below an offset of a room's log is durable.
   *
   * @throws StorageError when the server closes before that; DeletedError
   */
  whenDurable(room: Room, end: number): Promise<void> {
    return this.journal.whenDurable(room, end);
  }

  /**
   * Prepares a room for deletion: ends its sessions, unloads it without storing it, and refuses to open
   * it until `reopen`, or for ten seconds. May be repeated.
   *
   * @returns resolves when nothing of the room is being written any more, however long the stores take.
   *   Does not reject.
   */
  async drop(name: string): Promise<void> {
    this.#deletions.begin(name);
    const found = this.#rooms.get(name)?.state;
    if (found?.name === "opening") await Promise.allSettled([found.opened]);
    const life = this.#rooms.get(name);
    if (life?.room != null) await this.#unloader.discard(life, life.room);
    await Promise.all([this.journal.settled(), this.snapshotter.settled(name)]);
    // Comes after any writes still queued, which would bring the room's record back.
    this.#options.observer.roomDeleted(name);
  }

  /**
   * The deletion of a room has finished: it opens empty from now on, or from the given time on.
   *
   * @param closedUntil in milliseconds since the epoch
   */
  reopen(name: string, closedUntil?: number): void {
    this.#deletions.end(name, closedUntil);
  }

  /**
   * Adopts the stored tombstones of deleted rooms. Closes those rooms that are still open here because
   * this server was not notified of the deletion.
   *
   * @param readAt when reading them began
   */
  closeDeleted(tombstones: readonly Tombstone[], readAt: number): void {
    this.#deletions.replaceTombstones(tombstones, readAt);
    for (const { room } of tombstones) {
      if (!this.holds(room) || !this.#deletions.isClosed(room)) continue;
      this.#options.logger.warn({ room }, "the room has been deleted, closing it");
      void this.drop(room);
    }
  }

  /**
   * Makes everything durable, then stores snapshots until `signal` aborts. Updates that are not in a
   * snapshot by then are in the journal.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    this.#sweeps.close();
    this.workers.prioritize();
    await this.#unloader.unloadAll(() => this.#open(), signal);
    await this.workers.close();
  }

  /**
   * Another server now runs as this incarnation, so an earlier run at its address has ended and no
   * longer holds anything.
   *
   * @returns the rooms held by the earlier run that are open here
   */
  foundRun(server: ServerAddress, incarnation: Incarnation): string[] {
    const names: string[] = [];
    for (const [name, life] of this.#rooms) {
      if (life.replicator?.foundRun(server, incarnation)) names.push(name);
    }
    return names;
  }

  /** Deregisters this server from rooms that an earlier run of it held. Does not reject. */
  async giveBack(names: readonly string[]): Promise<void> {
    // Sequentially: nothing waits for this, and a peer that asks for a remaining room triggers it too.
    for (const name of names) if (!this.#rooms.has(name)) await this.#deregister(name);
  }

  /** Another server asks for a room. @throws WorkerError, MalformedError */
  async answerPeer(name: string, request: PeerRequest): Promise<PeerAnswer> {
    const life = this.#rooms.get(name);
    if (life === undefined) void this.#deregister(name);
    return (await life?.replicator?.answer(request)) ?? { type: "absent" };
  }

  /** Unloads rooms without users immediately, because memory is short. */
  unloadIdle(): void {
    for (const [life] of this.#open()) if (!life.isUsed) this.#unloader.schedule(life, 0);
  }

  #release(life: RoomLife): void {
    if (!life.release() || life.room === null) return;
    this.#unloader.schedule(life, this.#options.unloadDelay);
  }

  /**
   * The registry lists this server as a holder although it is not: it crashed, or could not update the
   * registry. While a server lives, only it removes its own entries, and never while it reopens the room.
   */
  async #deregister(name: string): Promise<void> {
    if (this.#closing) return;
    const { registry } = this.#options.cluster;
    const closed = registry
      .release(name)
      .catch((error: unknown) => {
        this.#options.logger.warn(
          { room: name, err: error },
          "could not remove this server from the holders, it stays registered",
        );
      })
      .finally(() => this.#rooms.delete(name));
    this.#rooms.set(name, RoomLife.closing(closed));
    await closed;
  }

  #begin(name: string): RoomLife {
    const { cluster, snapshotInterval, unloadDelay } = this.#options;
    const replicator = new Replicator(
      name,
      cluster,
      this.#replicationLogger,
      this.replicationStats,
    );
    const opened = this.#loader.load(name, replicator);
    const life = RoomLife.opening(replicator, opened);
    this.#rooms.set(name, life);
    opened.then(
      (room) => {
        // With jitter, so that rooms opened together are not all stored together.
        life.opened(room, Date.now() + snapshotInterval * (0.5 + Math.random() / 2));
        this.journal.add(room);
        this.#unloader.schedule(life, unloadDelay);
      },
      () => this.#rooms.delete(name),
    );
    return life;
  }

  *#open(): Generator<OpenRoom> {
    for (const life of this.#rooms.values()) {
      const { room, replicator } = life;
      if (room !== null && replicator !== null) yield [life, room, replicator];
    }
  }
}
