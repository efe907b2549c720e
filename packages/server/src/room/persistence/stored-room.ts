import { CorruptedError } from "../../storage/errors.ts";
import type { Journal, RoomJournal } from "../../storage/journal.ts";
import type { SnapshotStore, SnapshotVersion } from "../../storage/snapshots.ts";

/** The stores, which together hold the persisted state of all rooms: snapshot ∪ journal. */
export interface Stores {
  readonly snapshots: SnapshotStore;
  readonly journal: Journal;
}

/** The stored state of a room. */
export interface StoredRoom {
  /** Encoded updates that together form the document. */
  readonly updates: readonly Uint8Array[];
  /** The journal rows among them. */
  readonly rows: RoomJournal["rows"];
  /** The version of the snapshot among them. */
  readonly version: SnapshotVersion | null;
}

/**
 * Reads the stored snapshot and journal of a room.
 *
 * @throws CorruptedError when the snapshot is known to exist but is missing: treating the room as empty
 *   and saving that would complete the loss
 * @throws StorageError when the stores could not be read
 */
export async function readStores(room: string, stores: Stores): Promise<StoredRoom> {
  // Read the snapshot after the journal, so that rows moved into it in between are in both, not neither.
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
 * The stored content of a room, as encoded updates; `null` if there is none. For read-only callers.
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
