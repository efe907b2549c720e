import type { Base, Compaction } from "../log/base.ts";
import type { UpdateWorkers } from "../workers/update-workers.ts";
import { OverBudgetError } from "../workers/worker-errors.ts";

/**
 * Compacts updates into a base. If building a `Y.Doc` from them exceeds the room's budget, they are merged
 * as they are: the result has the same content and is only larger. So such a room still gets snapshots,
 * its journal is trimmed, and it is unloaded like any other.
 *
 * @throws OverBudgetError if merging exceeds the budget as well; the updates then stay in the journal
 * @throws WorkerError
 */
export async function compactWithinBudget(
  room: string,
  updates: readonly Uint8Array[],
  { workers, compaction }: { readonly workers: UpdateWorkers; readonly compaction: Compaction },
): Promise<Base> {
  const { quarantine } = workers;
  if (quarantine.allows(room, "compact")) {
    try {
      const base = await workers.runInBackground(room, "makeBase", updates, compaction);
      quarantine.pass(room, "compact");
      return base;
    } catch (error) {
      if (!(error instanceof OverBudgetError)) throw error;
      // During a shutdown the task had no more than its share, so the room is not to blame.
      if (!workers.prioritized) quarantine.exceed(room, "compact", error);
    }
  }
  if (!quarantine.allows(room, "merge")) {
    throw new OverBudgetError("time", "merging the document recently took too long");
  }
  try {
    const base = await workers.runInBackground(room, "makeBase", updates, "merge");
    quarantine.pass(room, "merge");
    return base;
  } catch (error) {
    if (error instanceof OverBudgetError && !workers.prioritized)
      quarantine.exceed(room, "merge", error);
    throw error;
  }
}

/**
 * Validates and merges updates. Resolves to `null` if that exceeds the room's share of the workers.
 *
 * @throws MalformedError, WorkerError
 */
export async function mergeWithinBudget(
  room: string,
  updates: readonly Uint8Array[],
  workers: UpdateWorkers,
): Promise<Uint8Array | null> {
  try {
    return (await workers.attempt(room, "makeBase", updates, "merge", "stores")).update;
  } catch (error) {
    if (error instanceof OverBudgetError) return null;
    throw error;
  }
}
