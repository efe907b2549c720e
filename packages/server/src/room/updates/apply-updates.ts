import * as Y from "yjs";
import { mergeUpdates } from "./merge-updates.ts";

/**
 * Applies updates to a document in one transaction. While a dependency is missing, Yjs merges each update
 * into all pending ones, which takes quadratic time: minutes for tens of thousands. So once there is a
 * gap, the remaining updates are merged before they are applied.
 *
 * @throws Yjs's own error if one of them is forged and cannot be integrated
 */
export function applyUpdates(doc: Y.Doc, updates: readonly Uint8Array[]): void {
  doc.transact(() => {
    for (const [i, update] of updates.entries()) {
      Y.applyUpdate(doc, update);
      const { pendingStructs, pendingDs } = doc.store;
      if (pendingStructs === null && pendingDs === null) continue;
      const rest = updates.slice(i + 1);
      if (rest.length > 0) Y.applyUpdate(doc, mergeUpdates(rest));
      return;
    }
  });
}
