import type { Fetched, Replicator } from "../replication/replicator.ts";
import { CorruptedError, StorageError } from "../storage/errors.ts";
import type { Journal } from "../storage/journal.ts";
import { REMOTE } from "./origin.ts";
import { Room } from "./room.ts";
import type { RoomServices } from "./room-services.ts";
import { makeStoredBase } from "./stored-base.ts";
import { readStores, type StoredRoom, type Stores } from "./stored-room.ts";

/**
 * Gives what the application has of a room of which nothing is stored; `null` when that is nothing.
 *
 * @throws StorageError
 */
export type InitialContent = (room: string) => Promise<Uint8Array | null>;

/**
 * Loads a room from another server that holds it, else from its snapshot; and from its journal in
 * any case, because a server that died may have written there what nobody else has.
 *
 * @throws CorruptedError when a part of it is damaged, or its snapshot is known to exist and is not
 *   there. It is never opened as an empty room then: saving that would complete the loss.
 * @throws StorageError when the stores could not be read
 */
export async function loadRoom(
  name: string,
  replicator: Replicator,
  stores: Stores,
  services: RoomServices & { initialContent?: InitialContent | undefined },
): Promise<{ readonly room: Room; readonly fetched: Fetched | null }> {
  const fetched = await replicator.fetch();
  const content =
    fetched === null
      ? await readOrBegin(name, stores, services.initialContent)
      : await addJournal(name, fetched.state.updates, stores.journal);
  const { base, tail } = await makeStoredBase(name, content.updates, services);
  const room = new Room(name, base, services, replicator, {
    version: content.version,
    // What came from elsewhere than the snapshot may not be in it.
    isWhole: fetched === null && content.rows.length === 0,
  });
  for (const update of tail) room.log.append(update, REMOTE);
  const { end } = room.log;
  room.persistence.journaled(content.rows.map(({ id }) => ({ id, end })));
  return { room, fetched };
}

/** Reads what is stored; when that is nothing, stores what the application has of the room. */
async function readOrBegin(
  room: string,
  stores: Stores,
  initialContent: InitialContent | undefined,
): Promise<StoredRoom> {
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
): Promise<StoredRoom> {
  try {
    const { rows } = await journal.read(room);
    return { updates: [...fetched, ...rows.map(({ update }) => update)], rows, version: null };
  } catch (error) {
    if (error instanceof CorruptedError || !(error instanceof StorageError)) throw error;
    // What matters is here. The holders read the stores again anyway, once the document is open.
    return { updates: fetched, rows: [], version: null };
  }
}
