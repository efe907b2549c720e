import * as Y from "yjs";

/** So many are merged at once. */
const AT_ONCE = 64;

/**
 * Merges any number of updates into one. `Y.mergeUpdates` takes quadratic time in their number, over a
 * minute for 65,000; so many are merged in levels. The first one is merged only once: it may be large.
 *
 * @throws an error of Yjs when a forged one among them cannot be merged
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
