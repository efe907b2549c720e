import type { Logger } from "pino";
import { EMPTY_UPDATE } from "../../protocol/update.ts";
import { SnapshotConflictError } from "../../storage/errors.ts";
import type { JournalId } from "../../storage/journal.ts";
import type { SnapshotVersion } from "../../storage/snapshots.ts";
import type { Base } from "../log/base.ts";
import type { Log } from "../log/log.ts";
import type { SnapshotStats } from "../room-stats.ts";
import type { UpdateWorkers } from "../workers/update-workers.ts";
import { readStores, type Stores } from "./stored-room.ts";

/** A journal row of a room, and the log offset up to which it reaches. */
export interface JournaledRow {
  readonly id: JournalId;
  readonly end: number;
}

/** A room, as its persistence sees it. */
export interface PersistedRoom {
  readonly name: string;
  readonly log: Log;
  /** Moves everything durable into the base; see `CompactionRunner.run`. */
  compact(): Promise<{ readonly base: Base; readonly end: number }>;
  /** As `Replica.receiveIfNew`. */
  receiveIfNew(updates: readonly Uint8Array[], now: number): Promise<boolean>;
}

/** The other holders of a room, as its persistence sees them. */
export interface HolderState {
  /** Whether there are any. */
  readonly active: boolean;
  /** Whether this server stores the snapshots that the holders share. */
  readonly isSnapshotLeader: boolean;
}

/** What the stores have of a room when it is opened. */
export interface StoredState {
  readonly version: SnapshotVersion | null;
  /** Whether the stored snapshot holds all of the base. */
  readonly isWhole: boolean;
}

export const NOTHING_STORED: StoredState = { version: null, isWhole: true };

export interface StoreOptions {
  readonly stores: Stores;
  readonly workers: UpdateWorkers;
  readonly logger: Logger;
  readonly stats: SnapshotStats;
  /** Calls the function once it may write; defaults to calling it immediately. */
  readonly write?: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Tracks what the stores have of one open room: which journal rows a snapshot has to contain before they
 * may be deleted, which snapshot this server knows, and how much of the log is in it.
 *
 * A snapshot is only replaced by one that contains it, and a row is only deleted once a stored snapshot
 * contains it. So any server may store snapshots, even several at once, without losing anything.
 */
export class Persistence {
  readonly #room: PersistedRoom;
  readonly #holders: HolderState;
  /** The stored snapshot that this server knows. */
  #version: SnapshotVersion | null;
  /** Everything in that snapshot is in the log below this offset. */
  #versionEnd = 0;
  /** Everything below this offset is in the stored snapshot. Offset 0 is the base itself. */
  #stored: number;
  /** Rows that no stored snapshot is known to contain. */
  #rows: JournaledRow[] = [];

  constructor(room: PersistedRoom, holders: HolderState, { version, isWhole }: StoredState) {
    this.#room = room;
    this.#holders = holders;
    this.#version = version;
    this.#stored = isWhole ? 0 : -1;
  }

  /**
   * Whether there is something to store. One of the holders stores what all of them wrote; the others
   * store only to trim the journal.
   */
  get isChanged(): boolean {
    if (this.#rows.length > 0) return true;
    return this.#holders.isSnapshotLeader && this.#stored < this.#room.log.end;
  }

  /** Whether the room has never been written to. */
  get isUnused(): boolean {
    const { log } = this.#room;
    const isEmpty = log.base.update.length === EMPTY_UPDATE.length && log.tailBytes === 0;
    return isEmpty && this.#version === null && this.#rows.length === 0;
  }

  /** The journal has written these rows. */
  journaled(rows: readonly JournaledRow[]): void {
    this.#rows.push(...rows);
  }

  /**
   * Adds what the stores have and the log lacks: another server wrote it, and this one missed it.
   *
   * @returns the updates, if they contained something new
   * @throws StorageError, WorkerError
   */
  async recover(stores: Stores): Promise<readonly Uint8Array[]> {
    const room = this.#room;
    const { updates, rows } = await readStores(room.name, stores);
    const isNew = await room.receiveIfNew(updates, Date.now());
    const { end } = room.log;
    const known = new Set(this.#rows.map(({ id }) => id));
    for (const { id } of rows) if (!known.has(id)) this.#rows.push({ id, end });
    return isNew ? updates : [];
  }

  /**
   * Stores a snapshot of everything durable, then deletes the journal rows that it contains.
   *
   * @returns the size of the snapshot in bytes, or `null` if there was nothing to store
   * @throws StorageError or WorkerError; nothing is lost, and the call can be retried
   */
  async store(options: StoreOptions): Promise<number | null> {
    const room = this.#room;
    const { durable } = room.log;
    if (this.#stored >= durable) {
      // Rows may have been found since, with content that had already arrived from another server.
      if (this.#rows.some(({ end }) => end <= this.#stored)) {
        await this.#truncateJournal(options.stores, this.#stored);
      }
      return null;
    }
    const compacted = await room.compact();
    if (compacted.end < durable && this.#stored >= compacted.end) return null;
    const write = options.write ?? ((work) => work());
    return await write(() => this.#writeSnapshot(compacted, options));
  }

  /** @returns the size of the snapshot in bytes */
  async #writeSnapshot(
    compacted: { readonly base: Base; readonly end: number },
    options: StoreOptions,
  ): Promise<number> {
    const { stores, logger, stats } = options;
    const room = this.#room;
    let { base } = compacted;
    // Content from a stored snapshot may be in the log above `durable`, and so not in the base.
    if (compacted.end < this.#versionEnd) base = await this.#addStored(base, options);
    for (;;) {
      try {
        this.#version = await stores.snapshots.write(room.name, base.update, this.#version);
        break;
      } catch (error) {
        if (!(error instanceof SnapshotConflictError)) throw error;
        stats.conflicts++;
        // Expected with several holders; otherwise a server wrote that did not know of this one.
        const level = this.#holders.active ? "debug" : "warn";
        logger[level]({ room: room.name }, "snapshot conflict, merging with the stored snapshot");
        base = await this.#addStored(base, options);
      }
    }
    await this.#truncateJournal(stores, compacted.end);
    this.#stored = compacted.end;
    return base.update.length;
  }

  /** Deletes the journal rows up to an offset, which the stored snapshot contains. */
  async #truncateJournal({ journal }: Stores, to: number): Promise<void> {
    const contained = new Set(this.#rows.filter(({ end }) => end <= to));
    await journal.truncate(
      this.#room.name,
      Array.from(contained, ({ id }) => id),
    );
    this.#rows = this.#rows.filter((row) => !contained.has(row));
  }

  /** Adds the stored snapshot to the log, and returns a base that contains it and can replace it. */
  async #addStored(base: Base, { stores, workers }: StoreOptions): Promise<Base> {
    const room = this.#room;
    const other = await stores.snapshots.read(room.name);
    let sum = base;
    if (other !== null) {
      await room.receiveIfNew([other.update], Date.now());
      const both = [base.update, other.update];
      sum = await workers.runInBackground(room.name, "makeBase", both, "merge");
    }
    // Not earlier: writing with a version asserts that the new snapshot contains that one.
    this.#version = other?.version ?? null;
    this.#versionEnd = room.log.end;
    return sum;
  }
}
