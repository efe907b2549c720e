import type { VNode } from "preact";
import type { StreamState } from "../api/event-stream.ts";

const TEXTS: Readonly<Record<StreamState["status"], string>> = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  ended: "Ended",
};

/** Shows whether the data on the page is up to date. */
export function StreamBadge({ state }: { readonly state: StreamState }): VNode {
  return (
    <p class="badge" role="status" data-state={state.status}>
      {TEXTS[state.status]}
    </p>
  );
}
