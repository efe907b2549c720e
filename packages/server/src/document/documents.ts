import type { Logger } from "pino";
import type { Bus } from "../cluster/bus.ts";
import type { Registry } from "../cluster/registry.ts";
import type { MetadataWriter } from "../storage/metadata-writer.ts";
import { Codec } from "./codec.ts";
import type { Document } from "./document.ts";
import { Flusher } from "./flusher.ts";
import { JournalWriter } from "./journal-writer.ts";
import {
  isChanged,
  loadDocument,
  type OpenDocument,
  type Stores,
  storeSnapshot,
} from "./open-document.ts";

export interface DocumentsOptions {
  readonly stores: Stores;
  readonly registry: Registry;
  readonly bus: Bus;
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
  | { readonly state: "opening"; readonly opened: Promise<Held> }
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
const SNAPSHOTS_AT_ONCE = 4;
const RETRY_MS = 1_000;

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
    ];
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
      const current = this.#rooms.get(room) ?? this.#open(room);
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
    for (const current of this.#rooms.values()) {
      if (current.state === "open") this.#forget(current.held);
    }
    await this.codec.close();
  }

  #open(room: string): Room {
    const opened = this.#load(room);
    const opening: Room = { state: "opening", opened };
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
  async #load(room: string): Promise<Held> {
    const { bus, registry, stores, metadata, snapshotInterval } = this.#options;
    // This server's own subscription lives as long as the document does.
    const subscription = await bus.subscribe(room, () => {});
    try {
      await registry.hold(room);
      const open = await loadDocument(room, subscription, stores, {
        codec: this.codec,
        flusher: this.#flusher,
        journal: this.journal,
      });
      metadata.add({ type: "room-opened", room, at: Date.now() });
      // Spread, so that documents that were opened together are not all stored together.
      const snapshotDue = Date.now() + snapshotInterval * (0.5 + Math.random() / 2);
      return { open, users: 0, unloadTimer: undefined, snapshotDue, saving: undefined };
    } catch (error) {
      await this.#leave(room, subscription);
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
    // From here to the change of state nothing waits, so nobody can have begun to use it.
    if (held.users > 0 || this.#closing) return;
    const { document, subscription } = held.open;
    if (isChanged(held.open) || document.log.durable < document.log.end) {
      this.#unloadLater(held, RETRY_MS);
      return;
    }
    this.#forget(held);
    const left = this.#leave(document.room, subscription).finally(() => {
      this.#rooms.delete(document.room);
    });
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

  async #leave(room: string, subscription: OpenDocument["subscription"]): Promise<void> {
    const results = await Promise.allSettled([
      this.#options.registry.release(room),
      subscription.close(),
    ]);
    for (const result of results) {
      if (result.status === "rejected") {
        this.#options.logger.warn({ room, err: result.reason }, "could not leave a room");
      }
    }
  }

  /** Notes which documents are due, and sees to it that they are stored a few at a time. */
  #saveDue(now: number): void {
    for (const current of this.#rooms.values()) {
      if (current.state !== "open" || current.held.snapshotDue > now) continue;
      current.held.snapshotDue = now + this.#options.snapshotInterval;
      if (isChanged(current.held.open)) this.#due.add(current.held);
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
    for (const current of [...this.#rooms.values()]) {
      if (signal.aborted) return;
      if (current.state === "open") await this.#save(current.held);
    }
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
    for (const current of this.#rooms.values()) {
      if (current.state !== "open") continue;
      const { document } = current.held.open;
      if (document.presence.expire(now)) this.#flusher.schedule(document);
    }
  }
}
