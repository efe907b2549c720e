import { reasonOf } from "../../runtime/reason.ts";
import { CorruptedError } from "../../storage/errors.ts";
import { type Base, EMPTY_BASE } from "../log/base.ts";
import type { RoomServices } from "../room-services.ts";
import { OverBudgetError, TaskError, WorkerError } from "../workers/worker-errors.ts";

/** Documents up to this size are opened without joining what was typed, which would take a worker. */
const JOIN_ABOVE_BYTES = 32 * 1024;

/** A document as loaded: its base, and the updates that could not be merged into it, in order. */
export interface StoredBase {
  readonly base: Base;
  readonly tail: readonly Uint8Array[];
}

/**
 * Builds a base from the stored updates. If that exceeds the room's share of the workers, the updates are
 * merged without being integrated; if that does too, they are left as they are. So a document that takes
 * minutes to compact opens in a second.
 *
 * @throws CorruptedError if the stored data is not a valid update; WorkerError
 */
export async function makeStoredBase(
  room: string,
  updates: readonly Uint8Array[],
  { workers, compaction }: Pick<RoomServices, "workers" | "compaction">,
): Promise<StoredBase> {
  const [first, ...rest] = updates;
  if (first === undefined) return { base: EMPTY_BASE, tail: [] };
  // Small updates are merged immediately, without a worker that may have to be started.
  const bytes = updates.reduce((sum, update) => sum + update.length, 0);
  const joins = rest.length > 0 && bytes > JOIN_ABOVE_BYTES;
  try {
    for (const how of joins ? ([compaction, "merge"] as const) : (["merge"] as const)) {
      try {
        return { base: await workers.attempt(room, "makeBase", updates, how, "stores"), tail: [] };
      } catch (error) {
        if (!(error instanceof OverBudgetError)) throw error;
      }
    }
    for (const update of rest) await workers.run(room, "inspect", update);
    return { base: await workers.run(room, "makeBase", [first], "merge", "stores"), tail: rest };
  } catch (cause) {
    if (cause instanceof WorkerError && !(cause instanceof TaskError)) throw cause;
    const reason = reasonOf(cause);
    throw new CorruptedError(
      `the stored data of room ${JSON.stringify(room)} is not an update: ${reason}`,
      { cause },
    );
  }
}
