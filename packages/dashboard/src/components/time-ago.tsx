import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { formatAgo, formatFull } from "../format/times.ts";

/** Ticks as long as the page is open. */
const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 10_000);

/** How long ago something was. @param at as the API gives it; `null` for never */
export function TimeAgo({ at }: { readonly at: string | null }): VNode {
  if (at === null) return <span class="quiet-text">never</span>;
  const time = new Date(at);
  return (
    <time dateTime={at} title={formatFull(time)}>
      {formatAgo(time, Math.max(now.value, time.getTime()))}
    </time>
  );
}
