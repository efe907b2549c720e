import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { formatAgo, formatFull } from "../format/times.ts";

/** The current time, updated every ten seconds. */
const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 10_000);

/** How long ago something happened. @param at a time from the API; `null` for never */
export function TimeAgo({ at }: { readonly at: string | null }): VNode {
  if (at === null) return <span class="quiet-text">never</span>;
  const time = new Date(at);
  return (
    <time dateTime={at} title={formatFull(time)}>
      {formatAgo(time, Math.max(now.value, time.getTime()))}
    </time>
  );
}
