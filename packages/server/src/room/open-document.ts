import type { Logger } from "pino";
import { EMPTY_UPDATE } from "../protocol/update.ts";
import type { Fetched, Replicator } from "../replication/replicator.ts";
import { CorruptedError, SnapshotConflictError, StorageError } from "../storage/errors.ts";
import type { Journal, RoomJournal } from "../storage/journal.ts";
import type { SnapshotStore, SnapshotVersion } from "../storage/snapshots.ts";
import type { Base } from "./base.ts";
import { Document } from "./document.ts";
import type { DocumentServices } from "./document-services.ts";
import type { Journaled } from "./journal-writer.ts";
import type { SnapshotStats } from "./room-stats.ts";
import { makeStoredBase } from "./stored-base.ts";
import type { UpdateWorkers } from "./update-workers.ts";

/** The stores that hold the persisted truth of all rooms: snapshot ∪ journal. */
export interface Stores {
  readonly snapshots: SnapshotStore;
  readonly journal: Journal;
}

/**
 * Gives what the application has of a room of which nothing is stored; `null` when that is nothing.
 *
 * @throws StorageError
 */
export type InitialContent = (room: string) => Promise<Uint8Array | null>;

/** Everything that belongs to a document while this server holds it. */
export interface OpenDocument extends Journaled {
  /** The other servers that hold it. */
  readonly replicator: Replicator;
  /** The stored snapshot that this server knows. */
  version: SnapshotVersion | null;
  /** Everything in that snapshot is in the log below this offset. */
  versionEnd: number;
  /** Everything below this offset is in the stored snapshot. */
  stored: number;
}

/**
 * Loads a room from another server that holds it, else from its snapshot; and from its journal in
 * any case, because a server that died may have written there what nobody else has.
 *
 * @throws CorruptedError when a part of it is damaged, or its snapshot is known to exist and is not
 *   there. It is never opened as an empty room then: saving that would complete the loss.
 * @throws StorageError when the stores could not be read
 */
export async function loadDocument(
  room: string,
  replicator: Replicator,
  stores: Stores,
  services: DocumentServices & { initialContent?: InitialContent | undefined },
): Promise<{ open: OpenDocument; fetched: Fetched | null }> {
  const fetched = await replicator.fetch();
  const content =
    fetched === null
      ? await readOrBegin(room, stores, services.initialContent)
      : await addJournal(room, fetched.state.updates, stores.journal);
  const { base, tail } = await makeStoredBase(room, content.updates, services);
  const document = new Document(room, base, services, replicator);
  for (const update of tail) document.log.append(update, "elsewhere");
  const open: OpenDocument = {
    document,
    replicator,
    version: content.version,
    versionEnd: 0,
    rows: content.rows.map(({ id }) => ({ id, end: document.log.end })),
    // What came from elsewhere than the snapshot may not be in it; offset 0 is the base itself.
    stored: fetched === null && content.rows.length === 0 ? 0 : -1,
  };
  return { open, fetched };
}

/**
 * Takes what the stores have and an open document has not: another server put it there, and this one
 * has not heard of it.
 *
 * @throws StorageError, WorkerError
 */
export async function recoverDocument(open: OpenDocument, stores: Stores): Promise<void> {
  const { document, replicator } = open;
  const { updates, rows } = await readStores(document.room, stores);
  if ((await document.receiveIfNew(updates, Date.now())) && replicator.active) {
    // Other holders may not have heard of it either.
    for (const update of updates) replicator.add(update);
  }
  const { end } = document.log;
  const known = new Set(open.rows.map(({ id }) => id));
  for (const { id } of rows) if (!known.has(id)) open.rows.push({ id, end });
}

/** What is stored of a document. */
interface Stored {
  /** Encoded updates that together are the document. */
  readonly updates: readonly Uint8Array[];
  /** The journal rows among them. */
  readonly rows: RoomJournal["rows"];
  /** Of the snapshot among them. */
  readonly version: SnapshotVersion | null;
}

/**
 * What is stored of a room, as encoded updates; `null` when that is nothing. For those who only look
 * at it.
 *
 * @throws CorruptedError, StorageError as `loadDocument`
 */
export async function readStored(
  room: string,
  stores: Stores,
): Promise<readonly Uint8Array[] | null> {
  const { updates } = await readStores(room, stores);
  return updates.length === 0 ? null : updates;
}

async function readStores(room: string, stores: Stores): Promise<Stored> {
  // The snapshot is read after the journal: rows that are moved into it in between are then in both.
  const { rows, snapshotted } = await stores.journal.read(room);
  const snapshot = await stores.snapshots.read(room);
  if (snapshot === null && snapshotted) {
    throw new CorruptedError(`the snapshot of room ${JSON.stringify(room)} is missing`);
  }
  const updates = rows.map(({ update }) => update);
  if (snapshot !== null) updates.unshift(snapshot.update);
  return { updates, rows, version: snapshot?.version ?? null };
}

/** Reads what is stored; when that is nothing, stores what the application has of the room. */
async function readOrBegin(
  room: string,
  stores: Stores,
  initialContent: InitialContent | undefined,
): Promise<Stored> {
  const stored = await readStores(room, stores);
  if (stored.updates.length > 0 || initialContent === undefined) return stored;
  const update = await initialContent(room);
  if (update === null) return stored;
  // Clients see it only when it is durable, as everything that they are answered.
  const ids = await stores.journal.append([{ room, update }]);
  return { updates: [update], rows: ids.map((id) => ({ id, update })), version: null };
}

/** Adds what a dead server may have left in the journal to what another one has. */
async function addJournal(
  room: string,
  fetched: readonly Uint8Array[],
  journal: Journal,
): Promise<Stored> {
  try {
    const { rows } = await journal.read(room);
    return { updates: [...fetched, ...rows.map(({ update }) => update)], rows, version: null };
  } catch (error) {
    if (error instanceof CorruptedError || !(error instanceof StorageError)) throw error;
    // What matters is here. The holders read the stores again anyway, once the document is open.
    return { updates: fetched, rows: [], version: null };
  }
}

/**
 * Whether there is something to store. Of several holders one stores what all of them wrote; the
 * others only make room in the journal.
 */
export function isChanged({ document, replicator, rows, stored }: OpenDocument): boolean {
  return rows.length > 0 || (replicator.isSnapshotLeader && stored < document.log.end);
}

/** Whether nobody has ever written to a document. */
export function isUnused({ document: { log }, rows, version }: OpenDocument): boolean {
  const isEmpty = log.base.update.length === EMPTY_UPDATE.length && log.tailBytes === 0;
  return isEmpty && version === null && rows.length === 0;
}

/**
 * Stores a snapshot that holds everything durable, then forgets the journal rows that it contains.
 *
 * @returns the size of the snapshot in bytes, or `null` when there was nothing to store
 * @throws StorageError or WorkerError; nothing is lost then, and it can be tried again
 */
export async function storeSnapshot(
  open: OpenDocument,
  stores: Stores,
  workers: UpdateWorkers,
  options: {
    readonly logger: Logger;
    readonly stats: SnapshotStats;
    /** Calls the function when it may write; without it, at once. */
    readonly write?: <T>(work: () => Promise<T>) => Promise<T>;
  },
): Promise<number | null> {
  const { document } = open;
  const { durable } = document.log;
  if (open.stored >= durable) {
    // Rows may have been found since whose content had come before, by another server.
    if (open.rows.some(({ end }) => end <= open.stored)) {
      await truncateJournal(open, stores.journal, open.stored);
    }
    return null;
  }
  const compacted = await document.compact();
  if (compacted.end < durable && open.stored >= compacted.end) return null;
  const write = options.write ?? ((work) => work());
  return await write(() => writeSnapshot(open, stores, workers, compacted, options));
}

/** @returns the size of the snapshot in bytes */
async function writeSnapshot(
  open: OpenDocument,
  stores: Stores,
  workers: UpdateWorkers,
  compacted: { readonly base: Base; readonly end: number },
  options: { readonly logger: Logger; readonly stats: SnapshotStats },
): Promise<number> {
  const { document } = open;
  let { base } = compacted;
  // What came from a snapshot may be in the log above what is durable, and so not in the base.
  if (compacted.end < open.versionEnd) base = await addStored(open, base, stores, workers);
  for (;;) {
    try {
      open.version = await stores.snapshots.write(document.room, base.update, open.version);
      break;
    } catch (error) {
      if (!(error instanceof SnapshotConflictError)) throw error;
      options.stats.conflicts++;
      // Usual with several holders; else somebody has written who did not know of this one.
      const level = open.replicator.active ? "debug" : "warn";
      options.logger[level]({ room: document.room }, "merging with another snapshot");
      base = await addStored(open, base, stores, workers);
    }
  }
  await truncateJournal(open, stores.journal, compacted.end);
  open.stored = compacted.end;
  return base.update.length;
}

/** Forgets the journal rows that the stored snapshot contains: those up to an offset. */
async function truncateJournal(open: OpenDocument, journal: Journal, to: number): Promise<void> {
  const contained = new Set(open.rows.filter(({ end }) => end <= to));
  await journal.truncate(
    open.document.room,
    [...contained].map(({ id }) => id),
  );
  open.rows = open.rows.filter((row) => !contained.has(row));
}

/** Takes the stored snapshot into the document, and into a base of it that is to replace it. */
async function addStored(
  open: OpenDocument,
  base: Base,
  stores: Stores,
  workers: UpdateWorkers,
): Promise<Base> {
  const { document } = open;
  const other = await stores.snapshots.read(document.room);
  let sum = base;
  if (other !== null) {
    await document.receiveIfNew([other.update], Date.now());
    sum = await workers.runInBackground(
      document.room,
      "makeBase",
      [base.update, other.update],
      "merge",
    );
  }
  // Not before: whoever names a version when he writes says that he has what is in it.
  open.version = other?.version ?? null;
  open.versionEnd = document.log.end;
  return sum;
}
