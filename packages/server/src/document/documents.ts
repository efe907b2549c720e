import type { Logger } from "pino";
import { type Cluster, Holders } from "../cluster/holders.ts";
import type { PeerAnswer, PeerRequest } from "../cluster/peers.ts";
import type { ServerAddress } from "../cluster/registry.ts";
import type { MetadataWriter } from "../storage/metadata-writer.ts";
import { Codec } from "./codec.ts";
import type { Document } from "./document.ts";
import { Flusher } from "./flusher.ts";
import { JournalWriter } from "./journal-writer.ts";
import {
  isChanged,
  loadDocument,
  type OpenDocument,
  recoverDocument,
  type Stores,
  storeSnapshot,
} from "./open-document.ts";

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
}

/** This server is going away, and opens nothing any more. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";
}

/** One room of this server. It passes from `opening` to `open`, and from there to `leaving`. */
type Room =
  | { readonly state: "opening"; readonly holders: Holders; readonly opened: Promise<Held> }
  | { readonly state: "open"; readonly held: Held }
  | { readonly state: "leaving"; readonly left: Promise<void> };

/** An open document, and what this server does with it. */
interface Held {
  readonly open: OpenDocument;
  /** How many connections use it or are about to. */
  users: number;
  unloadTimer: NodeJS.Timeout | undefined;
  snapshotDue: number;
  saving: Promise<void> | undefined;
}

const PRESENCE_SWEEP_MS = 5_000;
/** How many snapshots are made at once. */
const SNAPSHOTS_AT_ONCE = 8;
const RETRY_MS = 1_000;
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
  readonly codec: Codec = new Codec();
  readonly journal: JournalWriter;
  readonly #flusher: Flusher = new Flusher();
  readonly #options: DocumentsOptions;
  readonly #rooms: Map<string, Room> = new Map();
  readonly #timers: NodeJS.Timeout[];
  /** Documents whose snapshot is due. */
  readonly #due: Set<Held> = new Set();
  #savers = 0;
  #closing = false;
  #snapshotFailure: string | undefined;

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.journal = new JournalWriter(options.stores.journal, options.logger);
    const sweep = Math.max(10, Math.min(1_000, options.snapshotInterval / 4));
    this.#timers = [
      setInterval(() => this.#saveDue(Date.now()), sweep),
      setInterval(() => this.#expirePresence(Date.now()), PRESENCE_SWEEP_MS),
      setInterval(() => this.#tick(Date.now()), TICK_MS),
      setInterval(() => void this.#buryDead(), LEASE_CHECK_MS),
    ];
    options.cluster.registry.onRejoined(() => {
      options.logger.warn("the lease had lapsed; registering all documents again");
      for (const current of this.#rooms.values()) {
        if (current.state === "opening") current.holders.rejoin();
        if (current.state === "open") current.held.open.holders.rejoin();
      }
    });
  }

  /** How many documents are in memory. */
  get size(): number {
    return this.#rooms.size;
  }

  /** Why snapshots cannot be stored, or `undefined` when the last one could. */
  get snapshotProblem(): string | undefined {
    return this.#snapshotFailure;
  }

  /**
   * Opens a room for one user. Every call that succeeds is followed by one of `release`.
   *
   * @throws CorruptedError, StorageError as `loadDocument`; ClosedError
   */
  async acquire(room: string): Promise<Document> {
    for (;;) {
      if (this.#closing) throw new ClosedError("the server is shutting down");
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
    if (current?.state !== "open") return;
    current.held.users--;
    if (current.held.users === 0) this.#unloadLater(current.held, this.#options.unloadDelay);
  }

  /**
   * Makes everything durable, then stores snapshots until `signal` aborts; what is then not in a
   * snapshot is in the journal.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    for (const timer of this.#timers) clearInterval(timer);
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#saveAll(signal), aborted]);
    this.journal.close();
    const open = [...this.#open()];
    for (const held of open) this.#forget(held);
    const left = Promise.all(open.map((held) => held.open.holders.leave()));
    await Promise.race([left, aborted]);
    await this.codec.close();
  }

  /** Another server asks for a document. @throws CodecError, MalformedError */
  async answerPeer(room: string, request: PeerRequest): Promise<PeerAnswer> {
    const current = this.#rooms.get(room);
    switch (current?.state) {
      case "opening":
        return current.holders.answer(request);
      case "open":
        return current.held.open.holders.answer(request);
      case "leaving":
        return { type: "absent" };
      case undefined:
        this.#clean(room);
        return { type: "absent" };
    }
  }

  /**
   * The registry names this server as a holder, and it is not: it crashed, or could not write. Only
   * the server itself removes itself while it lives, and never while it opens the room again.
   */
  #clean(room: string): void {
    if (this.#closing) return;
    const { registry } = this.#options.cluster;
    const left = registry
      .release(room)
      .catch((error: unknown) => {
        this.#options.logger.warn({ room, err: error }, "still registered as a holder");
      })
      .finally(() => this.#rooms.delete(room));
    this.#rooms.set(room, { state: "leaving", left });
  }

  #begin(room: string): Room {
    const { cluster, logger } = this.#options;
    const holders = new Holders(room, cluster, logger);
    const opened = this.#load(room, holders);
    const opening: Room = { state: "opening", holders, opened };
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
  async #load(room: string, holders: Holders): Promise<Held> {
    const { stores, metadata, snapshotInterval } = this.#options;
    try {
      await holders.join();
      const { open, fetched } = await loadDocument(room, holders, stores, {
        codec: this.codec,
        flusher: this.#flusher,
        journal: this.journal,
      });
      holders.start(open.document, fetched, () => recoverDocument(open, stores));
      metadata.add({ type: "room-opened", room, at: Date.now() });
      // Spread, so that documents that were opened together are not all stored together.
      const snapshotDue = Date.now() + snapshotInterval * (0.5 + Math.random() / 2);
      return { open, users: 0, unloadTimer: undefined, snapshotDue, saving: undefined };
    } catch (error) {
      await holders.leave();
      throw error;
    }
  }

  #unloadLater(held: Held, delay: number): void {
    if (this.#closing) return;
    clearTimeout(held.unloadTimer);
    held.unloadTimer = setTimeout(() => void this.#unload(held), delay);
  }

  /** Lets a document go if nobody uses it once everything is stored; else tries again later. */
  async #unload(held: Held): Promise<void> {
    if (held.users > 0) return;
    await this.#save(held);
    // From here to the change of state nothing waits, so nobody can have begun to use it. While it
    // was stored, though, it may have been used and left again: only one lets it go.
    if (held.users > 0 || this.#closing || !this.#isOpen(held)) return;
    const { document, holders } = held.open;
    if (isChanged(held.open) || document.log.durable < document.log.end) {
      this.#unloadLater(held, RETRY_MS);
      return;
    }
    this.#forget(held);
    const left = holders.leave().finally(() => this.#rooms.delete(document.room));
    this.#rooms.set(document.room, { state: "leaving", left });
    await left;
    this.#options.logger.debug({ room: document.room }, "unloaded");
  }

  #forget(held: Held): void {
    clearTimeout(held.unloadTimer);
    this.#due.delete(held);
    this.journal.remove(held.open.document);
    this.#flusher.cancel(held.open.document);
  }

  /** Notes which documents are due, and sees to it that they are stored a few at a time. */
  #saveDue(now: number): void {
    const { snapshotInterval } = this.#options;
    for (const held of this.#open()) {
      if (held.snapshotDue > now) continue;
      const intervals = held.open.holders.isKeeper ? 1 : NOT_KEEPER_INTERVALS;
      held.snapshotDue = now + intervals * snapshotInterval;
      if (isChanged(held.open)) this.#due.add(held);
    }
    while (this.#savers < SNAPSHOTS_AT_ONCE && this.#savers < this.#due.size) {
      this.#savers++;
      void this.#saveFromDue().finally(() => {
        this.#savers--;
      });
    }
  }

  async #saveFromDue(): Promise<void> {
    for (const held of this.#due) {
      this.#due.delete(held);
      if (this.#closing) return;
      await this.#save(held);
    }
  }

  async #saveAll(signal: AbortSignal): Promise<void> {
    await this.journal.flush();
    const held = [...this.#open()];
    const saveNext = async () => {
      for (let next = held.pop(); next !== undefined; next = held.pop()) {
        if (signal.aborted) return;
        await this.#save(next);
      }
    };
    await Promise.all(Array.from({ length: SNAPSHOTS_AT_ONCE }, saveNext));
  }

  /** Stores a snapshot if there is something to store. Never rejects. */
  async #save(held: Held): Promise<void> {
    held.saving ??= this.#store(held).finally(() => {
      held.saving = undefined;
    });
    await held.saving;
  }

  async #store({ open }: Held): Promise<void> {
    const { stores, collect, logger, metadata } = this.#options;
    const { room, updatedAt } = open.document;
    try {
      const bytes = await storeSnapshot(open, stores, this.codec, { collect, logger });
      this.#snapshotFailure = undefined;
      if (bytes === null) return;
      metadata.add({ type: "room-saved", room, at: updatedAt || Date.now(), bytes });
      logger.debug({ room, bytes }, "snapshot stored");
    } catch (error) {
      this.#snapshotFailure = error instanceof Error ? error.message : String(error);
      logger.error({ room, err: error }, "a snapshot could not be stored; trying again");
    }
  }

  #expirePresence(now: number): void {
    for (const { open } of this.#open()) {
      if (open.document.presence.expire(now)) open.document.scheduleFlush();
    }
  }

  #tick(now: number): void {
    for (const { open } of this.#open()) open.holders.tick(now);
  }

  /** Asks whether the other holders of all documents are still alive. Does not reject. */
  async #buryDead(): Promise<void> {
    const others = new Set<ServerAddress>();
    for (const { open } of this.#open()) for (const other of open.holders.others) others.add(other);
    if (others.size === 0) return;
    try {
      const dead = await this.#options.cluster.registry.lapsed([...others]);
      if (dead.length === 0) return;
      for (const { open } of this.#open()) open.holders.bury(dead);
    } catch (error) {
      this.#options.logger.debug({ err: error }, "the leases of other servers cannot be read");
    }
  }

  #isOpen(held: Held): boolean {
    const current = this.#rooms.get(held.open.document.room);
    return current?.state === "open" && current.held === held;
  }

  *#open(): Generator<Held> {
    for (const current of this.#rooms.values()) if (current.state === "open") yield current.held;
  }
}
