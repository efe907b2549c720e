import type { Logger } from "pino";
import type { Subscription } from "../cluster/bus.ts";
import { CorruptedError, SnapshotConflictError } from "../storage/errors.ts";
import type { Journal } from "../storage/journal.ts";
import type { SnapshotStore, SnapshotVersion } from "../storage/snapshots.ts";
import { type Base, EMPTY_BASE } from "./base.ts";
import type { Codec } from "./codec.ts";
import { Document, type DocumentServices } from "./document.ts";
import type { Journaled } from "./journal-writer.ts";

/** The stores that hold the persisted truth of all rooms: snapshot ∪ journal. */
export interface Stores {
  readonly snapshots: SnapshotStore;
  readonly journal: Journal;
}

/** Everything that belongs to a document while this server holds it. */
export interface OpenDocument extends Journaled {
  readonly subscription: Subscription;
  /** The stored snapshot that this server knows. */
  version: SnapshotVersion | null;
  /** Everything below this offset is in the stored snapshot. */
  stored: number;
}

/**
 * Loads a room from its snapshot and its journal.
 *
 * @throws CorruptedError when a part of it is damaged, or its snapshot is known to exist and is not
 *   there. It is never opened as an empty room then: saving that would complete the loss.
 * @throws StorageError when the stores could not be read
 */
export async function loadDocument(
  room: string,
  subscription: Subscription,
  stores: Stores,
  services: DocumentServices & { codec: Codec },
): Promise<OpenDocument> {
  // The snapshot is read after the journal: rows that are moved into it in between are then in both.
  const { rows, snapshotted } = await stores.journal.read(room);
  const snapshot = await stores.snapshots.read(room);
  if (snapshot === null && snapshotted) {
    throw new CorruptedError(`the snapshot of room ${JSON.stringify(room)} is missing`);
  }
  const updates = rows.map(({ update }) => update);
  if (snapshot !== null) updates.unshift(snapshot.update);
  const base = await makeStoredBase(room, updates, services.codec);
  return {
    document: new Document(room, base, services),
    subscription,
    version: snapshot?.version ?? null,
    rows: rows.map(({ id }) => ({ id, end: 0 })),
    // What came from journal rows is not in the snapshot yet; offset 0 is the base itself.
    stored: rows.length > 0 ? -1 : 0,
  };
}

async function makeStoredBase(
  room: string,
  updates: readonly Uint8Array[],
  codec: Codec,
): Promise<Base> {
  if (updates.length === 0) return EMPTY_BASE;
  try {
    return await codec.run("makeBase", updates, updates.length > 1);
  } catch (cause) {
    throw new CorruptedError(`what is stored of room ${JSON.stringify(room)} is not an update`, {
      cause,
    });
  }
}

/** Whether the stored snapshot lacks something. */
export function isChanged({ document, stored }: OpenDocument): boolean {
  return stored < document.log.end;
}

/**
 * Stores a snapshot that holds everything durable, then forgets the journal rows that it contains.
 *
 * @returns the size of the snapshot in bytes, or `null` when there was nothing to store
 * @throws StorageError or CodecError; nothing is lost then, and it can be tried again
 */
export async function storeSnapshot(
  open: OpenDocument,
  stores: Stores,
  codec: Codec,
  options: { collect: boolean; logger: Logger },
): Promise<number | null> {
  const { document } = open;
  const { durable } = document.log;
  if (open.stored >= durable) return null;
  const compacted = await document.compact(options.collect);
  if (compacted.end < durable && open.stored >= compacted.end) return null;
  let { base } = compacted;
  for (;;) {
    try {
      open.version = await stores.snapshots.write(document.room, base.update, open.version);
      break;
    } catch (error) {
      if (!(error instanceof SnapshotConflictError)) throw error;
      const other = await stores.snapshots.read(document.room);
      options.logger.warn({ room: document.room }, "another snapshot was stored; merging with it");
      open.version = other?.version ?? null;
      if (other !== null) base = await codec.run("makeBase", [base.update, other.update], false);
    }
  }
  const contained = open.rows.filter(({ end }) => end <= compacted.end);
  await stores.journal.truncate(
    document.room,
    contained.map(({ id }) => id),
  );
  open.rows = open.rows.filter(({ end }) => end > compacted.end);
  open.stored = compacted.end;
  return base.update.length;
}
