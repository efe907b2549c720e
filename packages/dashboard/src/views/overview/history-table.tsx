import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ConnectionsOverTime } from "../../../../server/src/http/api/schemas.ts";
import { formatCount } from "../../format/numbers.ts";
import { formatMoment } from "../../format/times.ts";

/** The chart's exact figures, also for users who cannot see it. Newest first. */
export function HistoryTable({ history }: { readonly history: ConnectionsOverTime }): VNode {
  const [open, setOpen] = useState(false);
  return (
    <details
      class="figures"
      open={open}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
    >
      <summary>Show as a table</summary>
      {open && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable by keyboard.
        <section class="scroll" tabIndex={0} aria-label="Connections and active rooms over time">
          <table>
            <thead>
              <tr>
                <th scope="col">From</th>
                <th scope="col" class="number">
                  Connections
                </th>
                <th scope="col" class="number">
                  Active rooms
                </th>
                <th scope="col" class="number">
                  New connections
                </th>
              </tr>
            </thead>
            <tbody>
              {history.points.toReversed().map(({ at, connections, rooms, connects }) => (
                <tr key={at}>
                  <th scope="row">
                    <time dateTime={at}>{formatMoment(new Date(at))}</time>
                  </th>
                  <td class="number">{formatCount(connections)}</td>
                  <td class="number">{formatCount(rooms)}</td>
                  <td class="number">{formatCount(connects)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}
