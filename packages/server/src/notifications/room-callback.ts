import type { RootNames } from "../document/root-types.ts";
import type { UpdateWorkers } from "../document/update-workers.ts";
import type { OutboxClaim } from "../storage/outbox.ts";
import type { Receiver } from "./receiver.ts";

export interface RoomCallbackOptions {
  readonly receiver: Receiver;
  /** What is told of a document. */
  readonly objects: RootNames;
  /** The encoded updates that a room's document is; `null` when there is no such document. */
  readonly read: (room: string) => Promise<readonly Uint8Array[] | null>;
  readonly workers: Pick<UpdateWorkers, "run">;
}

/**
 * Tells that a room has changed, and what is in it now:
 * `{"room": <name>, "data": {<name>: {"type": <type>, "content": <JSON>}}}`.
 *
 * @returns false when it was deleted meanwhile, which is not told
 * @throws GoneError, Error of the receiver; StorageError, WorkerError when the document cannot be read
 */
export async function tellRoomChanged(
  { key: room }: Pick<OutboxClaim, "key">,
  { receiver, objects, read, workers }: RoomCallbackOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const updates = await read(room);
  if (updates === null) return false;
  const data =
    objects.length === 0
      ? Buffer.from("{}")
      : await workers.run(room, "rootsToJson", updates, objects);
  const head = Buffer.from(`{"room":${JSON.stringify(room)},"data":`);
  await receiver.post(Buffer.concat([head, data, Buffer.from("}")]), signal);
  return true;
}
