import type { Stores } from "../room/stored-room.ts";
import type { Metadata } from "../storage/metadata.ts";
import { askAll, tellAll } from "./ask-all.ts";
import type { LiveServers } from "./live-servers.ts";

/** From where a room is deleted. */
export interface RoomStores extends Stores {
  readonly metadata: Pick<Metadata, "record">;
}

/**
 * Deletes a room everywhere: live copies and their connections on all servers, journal, snapshot and
 * metadata. May be repeated.
 *
 * A server that was taken for dead and comes back, and a client that was offline, bring back what
 * they still have: to Yjs that is new.
 *
 * @param grace how long nobody may open the room afterwards, in milliseconds: providers come back, some of
 *   them at once, and would return what they have
 * @throws RegistryError, PeerError when not all live servers could be told; as long as one cannot be
 *   asked, nothing is touched
 * @throws StorageError; what is left is deleted by trying again
 */
export async function deleteRoom(
  room: string,
  servers: LiveServers,
  stores: RoomStores,
  grace: number,
): Promise<void> {
  const what = `deleting room ${JSON.stringify(room)}`;
  const before = await servers.now();
  await tellAll(before, what, (server) => server.held([room]));
  let until: number | undefined;
  try {
    // The second time for what the first cannot have met: a server that has joined since, a commit
    // that was given up and took place all the same.
    for (let time = 0; time < 2; time++) {
      await tellAll(await servers.now(), what, (server) => server.dropRoom(room));
      // In this order: when it ends in between, the room is as it was stored last. A journal that
      // names a missing snapshot could not be opened.
      await stores.journal.forget(room);
      await stores.snapshots.delete(room);
    }
    if (grace > 0) until = Date.now() + grace;
    const closed = until === undefined ? [] : [{ type: "tombstone-set" as const, room, until }];
    await stores.metadata.record([{ type: "room-deleted", room }, ...closed]);
  } finally {
    // Where this fails, it happens by itself after some seconds.
    await askAll(await servers.recent(), (server) => server.reopenRoom(room, until));
  }
}

/**
 * Lets a room that was deleted be opened again at once.
 *
 * @throws RegistryError, PeerError when not all live servers could be told; they learn it some seconds
 *   later. StorageError when nothing was changed
 */
export async function removeTombstone(
  room: string,
  servers: LiveServers,
  { metadata }: RoomStores,
): Promise<void> {
  await metadata.record([{ type: "tombstone-removed", room }]);
  const what = `opening room ${JSON.stringify(room)} again`;
  await tellAll(await servers.now(), what, (server) => server.reopenRoom(room));
}
