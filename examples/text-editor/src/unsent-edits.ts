import type { WebsocketProvider } from "y-websocket";

/**
 * Asks before this page is left with edits that exist nowhere else: they are kept in the page's
 * memory, not on disk.
 */
export function guardUnsentEdits(provider: WebsocketProvider): void {
  let unsent = false;
  provider.doc.on("update", (_update, origin) => {
    if (origin !== provider && !provider.synced) unsent = true;
  });
  provider.on("sync", (synced) => {
    if (synced) unsent = false;
  });
  addEventListener("beforeunload", (event) => {
    if (unsent) event.preventDefault();
  });
}
