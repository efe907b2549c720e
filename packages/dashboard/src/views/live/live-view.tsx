import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { Empty, Loading } from "../../components/loaded.tsx";
import { Page } from "../../components/page.tsx";
import { SearchField } from "../../components/search-field.tsx";
import { StreamBadge } from "../../components/stream-badge.tsx";
import { formatCount, formatPlural } from "../../format/numbers.ts";
import { filterLiveRooms, type LiveRooms } from "../../live/live-rooms.ts";
import { useLiveRooms } from "../../live/use-live-rooms.ts";
import { replaceRoute } from "../../routing/location.ts";
import { LiveTable } from "./live-table.tsx";

/** Maximum number of rows; more would only slow the page down. */
const SHOWN = 200;

/** The rooms with connections, kept up to date. */
export function LiveView({ filter }: { readonly filter: string }): VNode {
  const { state, live } = useLiveRooms();
  return (
    <Page title="Live rooms" beside={<StreamBadge state={state} />}>
      <div class="toolbar">
        <SearchField
          label="Filter by name"
          value={filter}
          onChange={(text) => replaceRoute({ view: "live", filter: text })}
        />
        <p class="summary">{live && summaryOf(live)}</p>
      </div>
      <div class="panel flush">
        {live === undefined ? <Loading /> : <Rooms live={live} filter={filter} />}
      </div>
    </Page>
  );
}

function Rooms({ live, filter }: { readonly live: LiveRooms; readonly filter: string }): VNode {
  const found = useMemo(() => filterLiveRooms(live, filter), [live, filter]);
  if (live.rooms.size === 0) return <Empty>No room has any connections.</Empty>;
  if (found.length === 0) return <Empty>No active room matches “{filter}”.</Empty>;
  const hidden = found.length - SHOWN;
  return (
    <>
      <LiveTable rooms={found.slice(0, SHOWN)} />
      {hidden > 0 && (
        <p class="notice">
          {formatCount(hidden)} more with fewer connections are not shown. Filter to find them.
        </p>
      )}
    </>
  );
}

function summaryOf({ totals: { rooms, connections } }: LiveRooms): string {
  return `${formatPlural(rooms, "room")}, ${formatPlural(connections, "connection")}`;
}
