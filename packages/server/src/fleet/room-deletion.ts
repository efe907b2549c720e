import type { Stores } from "../room/persistence/stored-room.ts";
import type { Metadata } from "../storage/metadata.ts";
import { askAll, tellAll } from "./ask-all.ts";
import type { LiveServers } from "./live-servers.ts";

/** The stores that a room is deleted from. */
export interface RoomStores extends Stores {
  readonly metadata: Pick<Metadata, "record">;
}

/**
 * Deletes a room everywhere: the copies in memory and their connections on all servers, and its
 * journal, snapshot and metadata. Can be repeated safely.
 *
 * A server that was presumed dead and returns, or a client that was offline, brings back the
 * content that it still has: to Yjs, that content is new.
 *
 * @param grace how long the room cannot be opened afterwards, in milliseconds: providers reconnect,
 *   some of them immediately, and would bring their content back
 * @throws RegistryError, PeerError if not all live servers could be called; if one is unreachable
 *   from the start, nothing is deleted
 * @throws StorageError; retrying deletes the rest
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
    // The second pass covers what the first can miss: a server that has joined since, or a commit
    // that was abandoned but took place nevertheless.
    for (let time = 0; time < 2; time++) {
      await tellAll(await servers.now(), what, (server) => server.dropRoom(room));
      // The order matters. If this stops in between, the room is as last stored. In the other
      // order, the journal would refer to a missing snapshot, and the room could not be opened.
      await stores.journal.forget(room);
      await stores.snapshots.delete(room);
    }
    if (grace > 0) until = Date.now() + grace;
    const closed = until === undefined ? [] : [{ type: "tombstone-set" as const, room, until }];
    await stores.metadata.record([{ type: "room-deleted", room }, ...closed]);
  } finally {
    // A server where this fails reopens the room by itself after some seconds.
    await askAll(await servers.recent(), (server) => server.reopenRoom(room, until));
  }
}

/**
 * Allows a deleted room to be opened again immediately.
 *
 * @throws RegistryError, PeerError if not all live servers could be called; the others notice some
 *   seconds later. StorageError if nothing was changed
 */
export async function removeTombstone(
  room: string,
  servers: LiveServers,
  { metadata }: RoomStores,
): Promise<void> {
  await metadata.record([{ type: "tombstone-removed", room }]);
  const what = `reopening room ${JSON.stringify(room)}`;
  await tellAll(await servers.now(), what, (server) => server.reopenRoom(room));
}
