import type { StateVector } from "../../protocol/state-vector.ts";
import { inspectUpdate } from "../../protocol/update.ts";

/** How many bytes are checked; sending the rest again costs less. */
const MAX_LOOKED_AT = 128 * 1024;

/**
 * Leaves out the updates that a state vector covers. It says nothing about deletions, so updates with
 * deletions stay. If there are many, only the newest are checked.
 */
export function withoutCovered(updates: readonly Uint8Array[], vector: StateVector): Uint8Array[] {
  const left: Uint8Array[] = [];
  let bytes = 0;
  for (const update of updates.toReversed()) {
    bytes += update.length;
    if (bytes > MAX_LOOKED_AT || !isCovered(update, vector)) left.push(update);
  }
  return left.reverse();
}

function isCovered(update: Uint8Array, vector: StateVector): boolean {
  const { runs, hasDeletes } = inspectUpdate(update);
  if (hasDeletes) return false;
  for (let i = 0; i + 2 < runs.length; i += 3) {
    if ((runs[i + 2] ?? 0) > (vector.get(runs[i] ?? 0) ?? 0)) return false;
  }
  return true;
}
