import type { RoomTable } from "../room-table.ts";
import { readStored, type Stores } from "./stored-room.ts";

/**
 * The current content of a room, as encoded updates: everything acknowledged by the time of the call, to
 * any client, by any server; `null` if there is none. For read-only callers.
 *
 * The stores have all of it. If this server is the only holder, so does the room in memory together with
 * what a crashed server may have left in the journal.
 *
 * @throws CorruptedError, StorageError as `loadRoom`
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
