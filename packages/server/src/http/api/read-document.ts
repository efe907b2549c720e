import { MalformedError } from "../../protocol/malformed-error.ts";
import { EMPTY_UPDATE } from "../../protocol/update.ts";
import type { DocumentContent } from "../../replication/peers.ts";
import { CorruptedError } from "../../storage/errors.ts";
import type { ApiServices } from "./api-services.ts";
import { noSuchRoom } from "./problems.ts";

type DocumentServices = Pick<ApiServices, "fleet" | "metadata" | "readStored" | "rooms">;

/**
 * Reads a room's document and awareness from the server that holds it, or else the document from the stores.
 *
 * @throws ApiProblem if the room does not exist; StorageError, CorruptedError, PeerError
 */
export async function readDocument(
  room: string,
  { fleet, metadata, readStored }: DocumentServices,
): Promise<DocumentContent> {
  const inspected = await fleet.inspect(room);
  if (inspected !== null) return inspected;
  const updates = await readStored(room);
  if (updates !== null) return { updates, awareness: [] };
  // A room that was opened but never written to has nothing stored.
  if ((await metadata.room(room)) !== null) return { updates: [EMPTY_UPDATE], awareness: [] };
  throw noSuchRoom(room);
}

/** Merges a room's updates into one. @throws WorkerError; CorruptedError if one of them is malformed */
export function mergeRoomUpdates(
  room: string,
  updates: readonly Uint8Array[],
  { workers }: DocumentServices["rooms"],
): Promise<Uint8Array> {
  return reportingCorruption(room, async () => {
    const [first] = updates;
    if (first === undefined || updates.length > 1) {
      return (await workers.run(room, "makeBase", updates, "merge", "stores")).update;
    }
    await workers.run(room, "inspect", first);
    return first;
  });
}

/** @throws WorkerError; CorruptedError if one of the updates is malformed */
export function roomToJson(
  room: string,
  updates: readonly Uint8Array[],
  { documentJson }: Pick<ApiServices, "documentJson">,
): Promise<Uint8Array> {
  return reportingCorruption(room, () => documentJson(room, updates));
}

async function reportingCorruption<Result>(
  room: string,
  read: () => Promise<Result>,
): Promise<Result> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    const what = `the stored data of room ${JSON.stringify(room)} is not a valid update`;
    throw new CorruptedError(`${what}: ${cause.message}`, { cause });
  }
}
