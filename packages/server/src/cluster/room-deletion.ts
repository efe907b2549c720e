import type { Stores } from "../document/open-document.ts";
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
 * @throws RegistryError, PeerError when not all live servers could be told; as long as one cannot be
 *   asked, nothing is touched
 * @throws StorageError; what is left is deleted by trying again
 */
export async function deleteRoom(
  room: string,
  servers: LiveServers,
  stores: RoomStores,
): Promise<void> {
  const what = `deleting room ${JSON.stringify(room)}`;
  const before = await servers.now();
  await tellAll(before, what, (server) => server.held([room]));
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
    await stores.metadata.record([{ type: "room-deleted", room }]);
  } finally {
    // Where this fails, it happens by itself after some seconds.
    await askAll(await servers.recent(), (server) => server.reopenRoom(room));
  }
}
