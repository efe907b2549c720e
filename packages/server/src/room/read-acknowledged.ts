import type { RoomTable } from "./room-table.ts";
import { readStored, type Stores } from "./stored-room.ts";

/**
 * What a room holds by now, as encoded updates: all that was acknowledged by the time of the call, to
 * whichever client, by whichever server. `null` when that is nothing. For those who only look at it.
 *
 * The stores have all of that. The document in memory has it too when this server is the only one that
 * holds it, together with what a server that crashed may have left in the journal.
 *
 * @throws CorruptedError, StorageError as `loadDocument`
 */
export async function readAcknowledged(
  room: string,
  rooms: Pick<RoomTable, "holdsAlone" | "inspect">,
  stores: Stores,
): Promise<readonly Uint8Array[] | null> {
  if (rooms.holdsAlone(room)) {
    const { rows } = await stores.journal.read(room);
    const inspected = rooms.holdsAlone(room) ? rooms.inspect(room) : null;
    if (inspected !== null) return [...inspected.updates, ...rows.map(({ update }) => update)];
  }
  return await readStored(room, stores);
}
