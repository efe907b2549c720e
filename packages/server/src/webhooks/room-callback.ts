import { TooLargeError } from "../protocol/too-large-error.ts";
import type { RootNames } from "../room/root-types.ts";
import type { UpdateWorkers } from "../room/update-workers.ts";
import { OverBudgetError } from "../room/worker-errors.ts";
import type { OutboxClaim } from "../storage/outbox.ts";
import type { Receiver } from "./receiver.ts";

export interface RoomCallbackOptions {
  readonly receiver: Receiver;
  /** What is told of a document. */
  readonly objects: RootNames;
  /** The encoded updates that a room's document is; `null` when there is no such document. */
  readonly read: (room: string) => Promise<readonly Uint8Array[] | null>;
  readonly workers: Pick<UpdateWorkers, "attempt">;
}

/**
 * Tells that a room has changed, and what is in it now:
 * `{"room": <name>, "data": {<name>: {"type": <type>, "content": <JSON>}}}`. Of a document that would be
 * too large, or takes too long to show, only that: `{"room": <name>, "data": {}, "omitted": "too-large"}`
 * or `"too-costly"`.
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
  const { data, omitted } = await contentOf(room, updates, objects, workers);
  const head = Buffer.from(`{"room":${JSON.stringify(room)},"data":`);
  const end = omitted === null ? "}" : `,"omitted":"${omitted}"}`;
  await receiver.post(Buffer.concat([head, data, Buffer.from(end)]), signal);
  return true;
}

/** Why the content of a room is not told: nobody waits for a worker for it, nor sends so much. */
type Omission = "too-large" | "too-costly";

async function contentOf(
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
