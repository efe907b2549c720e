import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import type { LoadRoom } from "../hooks/hooks.ts";
import { initialContent } from "../hooks/initial-content.ts";
import type { MetadataWriter } from "../metadata/metadata-writer.ts";
import { evictExpired } from "../replication/evict-expired.ts";
import type { DocumentContent, PeerAnswer, PeerRequest } from "../replication/peers.ts";
import type { Incarnation, ServerAddress } from "../replication/registry.ts";
import { ReplicationStats } from "../replication/replication-stats.ts";
import { type Cluster, Replicator } from "../replication/replicator.ts";
import { within } from "../runtime/within.ts";
import { withoutRepeats } from "../runtime/without-repeats.ts";
import type { Tombstone } from "../storage/metadata.ts";
import { DeletedError, Deletions } from "./deletions.ts";
import type { Document } from "./document.ts";
import type { ChangeListener } from "./document-services.ts";
import { FanoutScheduler } from "./fanout-scheduler.ts";
import { JournalWriter } from "./journal-writer.ts";
import {
  type InitialContent,
  isChanged,
  isUnused,
  loadDocument,
  recoverDocument,
  type Stores,
} from "./open-document.ts";
import { DocumentStats } from "./room-stats.ts";
import { type DocumentsUsage, type Held, type Room, usageOf } from "./rooms.ts";
import { Snapshotter } from "./snapshotter.ts";
import { heapBudget } from "./task-budget.ts";
import { UpdateWorkers } from "./update-workers.ts";

export interface DocumentsOptions {
  readonly stores: Stores;
  readonly cluster: Cluster;
  readonly metadata: MetadataWriter;
  readonly logger: Logger;
  /** How often a changed, open document is snapshotted, in milliseconds. */
  readonly snapshotInterval: number;
  /** How long a document stays after its last connection, in milliseconds. */
  readonly unloadDelay: number;
  /** Whether deleted content is dropped when documents are compacted. */
  readonly collect: boolean;
  /** Something that clients of this server wrote to a room has become durable. */
  readonly onDurable?: ((room: string) => void) | undefined;
  /** With so many bytes waiting to be written to the journal, clients are not read. */
  readonly journalBacklog?: number | undefined;
  /** How many bytes the process may use; without it, what the machine has. */
  readonly memory?: number | undefined;
  /** This server holds a room that no other server held when it began to. */
  readonly onFirstHolder?: ((room: string) => void) | undefined;
  /** This server holds a room no more; others may. */
  readonly onLetGo?: ((room: string) => void) | undefined;
  /** What the application is told. */
  readonly hooks?: HookCalls | undefined;
  /** Gives the first content of rooms, which must not be larger than that. */
  readonly initial?:
    | { readonly load: LoadRoom; readonly maxDocumentBytes: number; readonly hooks: HookCalls }
    | undefined;
}

/** This server is going away, and opens nothing any more. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";
}

const PRESENCE_SWEEP_MS = 5_000;
const RETRY_MS = 1_000;
/** How long a document that nobody uses waits for its snapshot, which may be too much for a room. */
const SAVE_MS = 60_000;
/** The same for one that has shown to be too much. */
const EXPENSIVE_SAVE_MS = 5_000;
const TICK_MS = 1_000;
/** How often it is asked whether other holders are still alive. */
const LEASE_CHECK_MS = 3_000;
/** When one of several holders stores snapshots, the others only make room in the journal. */
const NOT_KEEPER_INTERVALS = 10;

/**
 * The documents that this server holds. A document is loaded for its first user, snapshotted while
 * it changes, and let go some time after its last user, when everything is durable and stored.
 */
export class Documents {
  readonly workers: UpdateWorkers;
  readonly journal: JournalWriter;
  readonly snapshotter: Snapshotter;
  readonly stats: DocumentStats = new DocumentStats();
  readonly replicationStats: ReplicationStats = new ReplicationStats();
  readonly #scheduler: FanoutScheduler = new FanoutScheduler(this.stats);
  readonly #options: DocumentsOptions;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #deletions: Deletions = new Deletions();
  readonly #timers: NodeJS.Timeout[];
  /** While a service is down, each room would say so again and again. */
  readonly #replicationLogger: Logger;
  readonly #onChange: ChangeListener | undefined;
  readonly #initialContent: InitialContent | undefined;
  #closing = false;

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.#replicationLogger = withoutRepeats(options.logger);
    this.journal = new JournalWriter(
      options.stores.journal,
      options.logger,
      options.onDurable,
      options.journalBacklog,
    );
    this.workers = new UpdateWorkers(heapBudget(options.memory));
    this.snapshotter = new Snapshotter({ ...options, workers: this.workers });
    this.workers.quarantine.onChange((room, state) => {
      if (state === null) options.logger.info({ room }, "a room is not quarantined any more");
      else options.logger.warn({ room, ...state }, "a room is quarantined: it exceeds its budget");
    });
    const { hooks, initial } = options;
    if (hooks?.wantsChanges) {
      this.#onChange = (room, update, author) => hooks.changed(room, update, author);
    }
    if (initial !== undefined) {
      const { logger } = options;
      const { load, maxDocumentBytes } = initial;
      const { stats } = initial.hooks;
      this.#initialContent = (room) => {
        const inspect = (update: Uint8Array) => this.workers.run(room, "inspect", update);
        return initialContent(room, { load, inspect, maxDocumentBytes, stats, logger });
      };
    }
    const { registry } = options.cluster;
    const replicator = () => Array.from(this.#open(), ({ open }) => open.replicator);
    const sweep = Math.max(10, Math.min(1_000, options.snapshotInterval / 4));
    this.#timers = [
      setInterval(() => this.#scheduleSnapshots(Date.now()), sweep),
      setInterval(() => this.#expireAwareness(Date.now()), PRESENCE_SWEEP_MS),
      setInterval(() => this.#tick(Date.now()), TICK_MS),
      setInterval(() => void evictExpired(replicator, registry, options.logger), LEASE_CHECK_MS),
    ];
    registry.onRejoined(() => {
      options.logger.warn("the lease had lapsed; registering all documents again");
      this.replicationStats.rejoins++;
      for (const current of this.#rooms.values()) {
        replicatorOf(current)?.rejoin();
      }
    });
  }

  /** Whether the application is told of changes, and of who made them. */
  get tellsChanges(): boolean {
    return this.#onChange !== undefined;
  }

  /** How many documents are in memory. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Why snapshots cannot be stored, or `undefined` when the last one could. */
  get snapshotProblem(): string | undefined {
    return this.snapshotter.problem;
  }

  /** What is wrong with single rooms, without their names; `undefined` when nothing is. */
  get roomProblem(): string | undefined {
    const { size } = this.workers.quarantine;
    const quarantined = size === 0 ? undefined : `${size} quarantined: too expensive`;
    const problems = [quarantined, this.snapshotter.roomProblem];
    return problems.filter((one) => one !== undefined).join("; ") || undefined;
  }

  /** Looks at every document: not for each request of a client. */
  usage(): DocumentsUsage {
    return usageOf(this.#rooms.values());
  }

  /** Whether this server is a holder of a room. */
  holds(room: string): boolean {
    const state = this.#rooms.get(room)?.state;
    return state === "open" || state === "opening";
  }

  /** Whether this server has a room open, and knows of no other one that holds it. */
  holdsAlone(room: string): boolean {
    const current = this.#rooms.get(room);
    return current?.state === "open" && !current.held.open.replicator.active;
  }

  /** What an open document holds now, or `null`. It has no other user and no other holder by that. */
  inspect(room: string): DocumentContent | null {
    const current = this.#rooms.get(room);
    if (current?.state !== "open") return null;
    const { log, awareness } = current.held.open.document;
    const tail = [...log.entries(log.baseEnd, log.end)].map(({ update }) => update);
    return { updates: [log.base.update, ...tail], awareness: awareness.present() };
  }

  /**
   * Opens a room for one user. Every call that succeeds is followed by one of `release`.
   *
   * @throws CorruptedError, StorageError as `loadDocument`; ClosedError; DeletedError
   */
  async acquire(room: string): Promise<Document> {
    for (;;) {
      if (this.#closing) throw new ClosedError("the server is shutting down");
      this.#deletions.check(room);
      const current = this.#rooms.get(room) ?? this.#begin(room);
      switch (current.state) {
        case "leaving":
          await current.left;
          break;
        case "opening":
          await current.opened;
          break;
        case "open": {
          const { held } = current;
          held.users++;
          clearTimeout(held.unloadTimer);
          return held.open.document;
        }
      }
    }
  }

  /** Ends one use of a document. The last one starts the time after which it is let go. */
  release(document: Document): void {
    const current = this.#rooms.get(document.room);
    // A room may have been deleted and opened again since: that is another document.
    if (current?.state !== "open" || current.held.open.document !== document) return;
    current.held.users--;
    if (current.held.users === 0) this.#unloadLater(current.held, this.#options.unloadDelay);
  }

  /**
   * Resolves when everything below an offset of a document's log is durable.
   *
   * @throws StorageError when the server closes before that; DeletedError
   */
  whenDurable(document: Document, end: number): Promise<void> {
    return this.journal.whenDurable(document, end);
  }

  /**
   * A room is being deleted: ends its connections, lets its document go without storing it, and opens
   * it for nobody until `reopen`, or for ten seconds. May be repeated.
   *
   * @returns resolves when nothing of the room is being written any more; that takes as long as the
   *   stores take. It does not reject
   */
  async drop(room: string): Promise<void> {
    this.#deletions.begin(room);
    const found = this.#rooms.get(room);
    if (found?.state === "opening") await Promise.allSettled([found.opened]);
    const current = this.#rooms.get(room);
    if (current?.state === "open") await this.#discard(current.held);
    await Promise.all([this.journal.settled(), this.snapshotter.settled(room)]);
    // After what may still be waiting to be written, and would bring its record back.
    this.#options.metadata.add({ type: "room-deleted", room });
  }

  /**
   * The deletion of a room is done: whoever opens it from now on, or from a time on, opens an empty one.
   *
   * @param closedUntil in milliseconds since the epoch
   */
  reopen(room: string, closedUntil?: number): void {
    this.#deletions.end(room, closedUntil);
  }

  /**
   * Takes what is stored of rooms that were deleted. Those that are open here, because this server was
   * not told, are closed.
   *
   * @param readAt when it was begun to read that
   */
  closeDeleted(tombstones: readonly Tombstone[], readAt: number): void {
    this.#deletions.replaceTombstones(tombstones, readAt);
    for (const { room } of tombstones) {
      if (!this.holds(room) || !this.#deletions.isClosed(room)) continue;
      this.#options.logger.warn({ room }, "the room was deleted, and is closed");
      void this.drop(room);
    }
  }

  /**
   * Makes everything durable, then stores snapshots until `signal` aborts; what is then not in a
   * snapshot is in the journal.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.workers.prioritize();
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    const saved = this.journal.flush().then(() => {
      const open = [...this.#open()].map((held) => held.open);
      return this.snapshotter.saveAll(open, signal);
    });
    await Promise.race([saved, aborted]);
    this.snapshotter.close();
    this.journal.close();
    const open = [...this.#open()];
    for (const held of open) this.#forget(held);
    const left = Promise.all(open.map((held) => this.#letGo(held)));
    await Promise.race([left, aborted]);
    await this.workers.close();
  }

  /**
   * Another server runs as this incarnation: an earlier run at its address has ended, and holds
   * nothing any more.
   *
   * @returns the rooms that it held, as far as they are open here
   */
  foundRun(server: ServerAddress, incarnation: Incarnation): string[] {
    const rooms: string[] = [];
    for (const [room, current] of this.#rooms) {
      if (replicatorOf(current)?.foundRun(server, incarnation)) rooms.push(room);
    }
    return rooms;
  }

  /** Takes this server out of the holders of rooms that an earlier run held. Does not reject. */
  async giveBack(rooms: readonly string[]): Promise<void> {
    // One after the other: nobody waits for it, and whoever meets one that is left says so.
    for (const room of rooms) if (!this.#rooms.has(room)) await this.#clean(room);
  }

  /** Another server asks for a document. @throws WorkerError, MalformedError */
  async answerPeer(room: string, request: PeerRequest): Promise<PeerAnswer> {
    const current = this.#rooms.get(room);
    switch (current?.state) {
      case "opening":
        return current.replicator.answer(request);
      case "open":
        return current.held.open.replicator.answer(request);
      case "leaving":
        return { type: "absent" };
      case undefined:
        void this.#clean(room);
        return { type: "absent" };
    }
  }

  /**
   * The registry names this server as a holder, and it is not: it crashed, or could not write. Only
   * the server itself removes itself while it lives, and never while it opens the room again.
   */
  async #clean(room: string): Promise<void> {
    if (this.#closing) return;
    const { registry } = this.#options.cluster;
    const left = registry
      .release(room)
      .catch((error: unknown) => {
        this.#options.logger.warn({ room, err: error }, "still registered as a holder");
      })
      .finally(() => this.#rooms.delete(room));
    this.#rooms.set(room, { state: "leaving", left });
    await left;
  }

  #begin(room: string): Room {
    const { cluster } = this.#options;
    const replicator = new Replicator(
      room,
      cluster,
      this.#replicationLogger,
      this.replicationStats,
    );
    const opened = this.#load(room, replicator);
    const opening: Room = { state: "opening", replicator, opened };
    this.#rooms.set(room, opening);
    opened.then(
      (held) => {
        this.#rooms.set(room, { state: "open", held });
        this.journal.add(held.open);
        this.#unloadLater(held, this.#options.unloadDelay);
      },
      () => this.#rooms.delete(room),
    );
    return opening;
  }

  /** Subscribes, then registers, then reads: nothing can be missed in between. */
  async #load(room: string, replicator: Replicator): Promise<Held> {
    const { stores, metadata, snapshotInterval, collect } = this.#options;
    try {
      await replicator.join();
      const isFirst = !replicator.active;
      const { open, fetched } = await loadDocument(room, replicator, stores, {
        workers: this.workers,
        compaction: collect ? "collect" : "join",
        scheduler: this.#scheduler,
        journal: this.journal,
        stats: this.stats,
        onChange: this.#onChange,
        initialContent: this.#initialContent,
      });
      replicator.start(open.document, fetched, () => recoverDocument(open, stores));
      metadata.add({ type: "room-opened", room, at: Date.now() });
      if (isFirst) this.#options.onFirstHolder?.(room);
      this.#options.hooks?.loaded(room);
      // Spread, so that documents that were opened together are not all stored together.
      const snapshotDue = Date.now() + snapshotInterval * (0.5 + Math.random() / 2);
      return { open, users: 0, unloadTimer: undefined, snapshotDue };
    } catch (error) {
      await replicator.leave();
      throw error;
    }
  }

  /** Lets documents go that nobody uses, without the usual delay: memory is short. */
  unloadIdle(): void {
    for (const held of this.#open()) if (held.users === 0) this.#unloadLater(held, 0);
  }

  #unloadLater(held: Held, delay: number): void {
    if (this.#closing) return;
    clearTimeout(held.unloadTimer);
    held.unloadTimer = setTimeout(() => void this.#unload(held), delay);
  }

  /** Lets a document go if nobody uses it once everything is stored; else tries again later. */
  async #unload(held: Held): Promise<void> {
    if (held.users > 0) return;
    const { document } = held.open;
    const wait = this.snapshotter.retryIn(held.open);
    if (wait > 0 && isChanged(held.open)) {
      this.#unloadLater(held, wait);
      return;
    }
    const patience = this.workers.isPenalized(document.room) ? EXPENSIVE_SAVE_MS : SAVE_MS;
    const saved = await within(patience, this.snapshotter.save(held.open));
    // From here to the change of state nothing waits, so nobody can have begun to use it. While it
    // was stored, though, it may have been used and left again: only one lets it go.
    if (held.users > 0 || this.#closing || !this.#isOpen(held)) return;
    const { log, room } = document;
    // What is durable is in the journal: who would wait long for a worker leaves without a snapshot.
    const isStored = saved
      ? !isChanged(held.open) || !this.workers.quarantine.allows(room, "merge")
      : !this.snapshotter.isWriting(held.open);
    if (!isStored || log.durable < log.end) {
      this.#unloadLater(held, Math.max(RETRY_MS, this.snapshotter.retryIn(held.open)));
      return;
    }
    await this.#leave(held);
    this.#options.logger.debug({ room: document.room }, "unloaded");
  }

  async #discard(held: Held): Promise<void> {
    const { document } = held.open;
    const reason = new DeletedError(document.room);
    void this.#leave(held);
    document.discard(reason);
    this.workers.quarantine.end(document.room);
    await this.journal.discard(document, reason);
  }

  /** Lets a document go. From the call on nobody can begin to use it. Does not reject. */
  async #leave(held: Held): Promise<void> {
    const { room } = held.open.document;
    this.#forget(held);
    const left = this.#letGo(held);
    this.#rooms.set(room, { state: "leaving", left });
    await left;
  }

  /** Tells that this server holds a document no more. Does not reject. */
  async #letGo({ open }: Held): Promise<void> {
    const { document, replicator } = open;
    if (isUnused(open) && !replicator.active) {
      this.#options.metadata.add({ type: "room-unused", room: document.room });
    }
    await replicator.leave();
    this.#rooms.delete(document.room);
    this.#options.onLetGo?.(document.room);
  }

  #forget(held: Held): void {
    clearTimeout(held.unloadTimer);
    this.snapshotter.cancel(held.open);
    this.workers.cancelBackground(held.open.document.room);
    this.journal.remove(held.open.document);
    this.#scheduler.cancel(held.open.document);
  }

  #scheduleSnapshots(now: number): void {
    const { snapshotInterval } = this.#options;
    for (const held of this.#open()) {
      if (held.snapshotDue > now) continue;
      const intervals = held.open.replicator.isSnapshotLeader ? 1 : NOT_KEEPER_INTERVALS;
      held.snapshotDue = now + intervals * snapshotInterval;
      if (isChanged(held.open)) this.snapshotter.schedule(held.open);
    }
  }

  #expireAwareness(now: number): void {
    for (const { open } of this.#open()) {
      if (open.document.awareness.expire(now)) open.document.scheduleAwareness();
    }
  }

  #tick(now: number): void {
    for (const { open } of this.#open()) open.replicator.tick(now);
  }

  #isOpen(held: Held): boolean {
    const current = this.#rooms.get(held.open.document.room);
    return current?.state === "open" && current.held === held;
  }

  *#open(): Generator<Held> {
    for (const current of this.#rooms.values()) if (current.state === "open") yield current.held;
  }
}

/** `undefined` when this server is not a holder any more. */
function replicatorOf(current: Room): Replicator | undefined {
  if (current.state === "opening") return current.replicator;
  return current.state === "open" ? current.held.open.replicator : undefined;
}
