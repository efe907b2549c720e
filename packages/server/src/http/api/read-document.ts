import type { InspectedDocument } from "../../cluster/server-calls.ts";
import { EMPTY_UPDATE } from "../../protocol/update.ts";
import type { ApiServices } from "./api-services.ts";
import { noSuchRoom } from "./problems.ts";

type DocumentServices = Pick<ApiServices, "fleet" | "metadata" | "readStored" | "documents">;

/**
 * The document of a room, from the server that holds it, else from the stores, and who is there.
 *
 * @throws ApiProblem when there is no such room; StorageError, CorruptedError, PeerError
 */
export async function readDocument(
  room: string,
  { fleet, metadata, readStored }: DocumentServices,
): Promise<InspectedDocument> {
  const inspected = await fleet.inspect(room);
  if (inspected !== null) return inspected;
  const updates = await readStored(room);
  if (updates !== null) return { updates, presence: [] };
  // A room that was opened and never written to has nothing stored.
  if ((await metadata.room(room)) !== null) return { updates: [EMPTY_UPDATE], presence: [] };
  throw noSuchRoom(room);
}

/** The updates as one. @throws CodecError */
export async function mergeUpdates(
  updates: readonly Uint8Array[],
  { codec }: DocumentServices["documents"],
): Promise<Uint8Array> {
  const [first] = updates;
  if (first !== undefined && updates.length === 1) return first;
  return (await codec.run("makeBase", updates, "merge")).update;
}
