import * as Y from "yjs";
import { mergeUpdates } from "./merge-updates.ts";

/**
 * Applies updates to a document, in one transaction. As long as something is missing, Yjs merges each
 * update into all that waits for it, which takes quadratic time: minutes for tens of thousands. So
 * what follows a gap is merged before.
 *
 * @throws an error of Yjs when a forged one among them cannot be integrated
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
