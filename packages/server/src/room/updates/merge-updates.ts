import * as Y from "yjs";

/** Number of updates merged at once. */
const AT_ONCE = 64;

/**
 * Merges any number of updates into one. `Y.mergeUpdates` takes quadratic time in their number, over a
 * minute for 65,000, so larger numbers are merged in levels. The first update is merged only once,
 * because it may be large.
 *
 * @throws Yjs's own error if one of them is forged and cannot be merged
 */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  let level = updates;
  while (level.length > AT_ONCE) {
    const next = level.slice(0, 1);
    for (let i = 1; i < level.length; i += AT_ONCE) {
      next.push(Y.mergeUpdates(level.slice(i, i + AT_ONCE)));
    }
    level = next;
  }
  return Y.mergeUpdates([...level]);
}
