import type { Base, Compaction } from "./base.ts";
import type { UpdateWorkers } from "./update-workers.ts";
import { OverBudgetError } from "./worker-errors.ts";

/**
 * One base from updates. Where building a `Y.Doc` from them exceeds the room's budget, they are merged
 * as they are: that holds the same, and is only larger. So such a room still gets snapshots, its
 * journal is emptied, and it leaves the memory as any other.
 *
 * @throws OverBudgetError when merging is too much as well; the updates stay in the journal then
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
      // A shutdown leaves no time for more than its share.
      if (!workers.prioritized) quarantine.exceed(room, "compact", error);
    }
  }
  if (!quarantine.allows(room, "merge")) {
    throw new OverBudgetError("time", "merging the document took too long lately");
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
 * Merges updates that are not known to be valid, where that takes no more than the room's share of
 * the workers; otherwise `null`.
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
