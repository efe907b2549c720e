import { CorruptedError } from "../storage/errors.ts";
import type { Journal, RoomJournal } from "../storage/journal.ts";
import type { SnapshotStore, SnapshotVersion } from "../storage/snapshots.ts";

/** The stores that hold the persisted truth of all rooms: snapshot ∪ journal. */
export interface Stores {
  readonly snapshots: SnapshotStore;
  readonly journal: Journal;
}

/** What is stored of a room. */
export interface StoredRoom {
  /** Encoded updates that together are the document. */
  readonly updates: readonly Uint8Array[];
  /** The journal rows among them. */
  readonly rows: RoomJournal["rows"];
  /** Of the snapshot among them. */
  readonly version: SnapshotVersion | null;
}

/**
 * Reads the stored snapshot and journal of a room.
 *
 * @throws CorruptedError when the snapshot is known to exist and is not there: the room is never taken
 *   for an empty one then, as saving that would complete the loss
 * @throws StorageError when the stores could not be read
 */
export async function readStores(room: string, stores: Stores): Promise<StoredRoom> {
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

/**
 * What is stored of a room, as encoded updates; `null` when that is nothing. For callers that only look
 * at it.
 *
 * @throws CorruptedError, StorageError as `readStores`
 */
export async function readStored(
  room: string,
  stores: Stores,
): Promise<readonly Uint8Array[] | null> {
  const { updates } = await readStores(room, stores);
  return updates.length === 0 ? null : updates;
}
