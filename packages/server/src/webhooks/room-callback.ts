import { TooLargeError } from "../protocol/too-large-error.ts";
import type { RootNames } from "../room/json/root-types.ts";
import type { UpdateWorkers } from "../room/workers/update-workers.ts";
import { OverBudgetError } from "../room/workers/worker-errors.ts";
import type { OutboxClaim } from "../storage/outbox.ts";
import type { Receiver } from "./receiver.ts";

export interface RoomCallbackOptions {
  readonly receiver: Receiver;
  /** The root types of a document to send. */
  readonly objects: RootNames;
  /** Reads the encoded updates of a room's document; `null` if the document does not exist. */
  readonly read: (room: string) => Promise<readonly Uint8Array[] | null>;
  readonly workers: Pick<UpdateWorkers, "attempt">;
}

/**
 * Notifies the receiver that a room has changed, with its current content:
 * `{"room": <name>, "data": {<name>: {"type": <type>, "content": <JSON>}}}`. If the content would be too
 * large or too expensive to render, it is omitted: `{"room": <name>, "data": {}, "omitted": "too-large"}`
 * or `"too-costly"`.
 *
 * @returns false if the room was deleted meanwhile; nothing is sent then
 * @throws GoneError or Error from the receiver; StorageError or WorkerError if the document cannot be read
 */
export async function tellRoomChanged(
  { key: room }: Pick<OutboxClaim, "key">,
  { receiver, objects, read, workers }: RoomCallbackOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const updates = await read(room);
  if (updates === null) return false;
  const { data, omitted } = await callbackContent(room, updates, objects, workers);
  const head = Buffer.from(`{"room":${JSON.stringify(room)},"data":`);
  const end = omitted === null ? "}" : `,"omitted":"${omitted}"}`;
  await receiver.post(Buffer.concat([head, data, Buffer.from(end)]), signal);
  return true;
}

/** Why the content of a room is not sent. */
type Omission = "too-large" | "too-costly";

async function callbackContent(
  room: string,
  updates: readonly Uint8Array[],
  objects: RootNames,
  workers: RoomCallbackOptions["workers"],
): Promise<{ data: Uint8Array; omitted: Omission | null }> {
  const nothing = Buffer.from("{}");
  if (objects.length === 0) return { data: nothing, omitted: null };
  try {
    const data = await workers.attempt(room, "rootsToJson", updates, objects);
    return { data, omitted: null };
  } catch (error) {
    if (error instanceof TooLargeError) return { data: nothing, omitted: "too-large" };
    if (error instanceof OverBudgetError) return { data: nothing, omitted: "too-costly" };
    throw error;
  }
}
