import type { VNode } from "preact";
import { connectionsOverTime } from "../../api/connections.ts";
import { useResource } from "../../api/use-resource.ts";
import { Loaded } from "../../components/loaded.tsx";
import { Panel } from "../../components/panel.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { formatRoute, RANGES, type RangeName } from "../../routing/route.ts";
import { HistoryChart } from "./history-chart.tsx";
import { HistoryTable } from "./history-table.tsx";

const HOUR = 3_600;
const SECONDS: Readonly<Record<RangeName, number>> = {
  "1h": HOUR,
  "24h": 24 * HOUR,
  "7d": 7 * 24 * HOUR,
  "30d": 30 * 24 * HOUR,
};
const LABELS: Readonly<Record<RangeName, string>> = {
  "1h": "1 hour",
  "24h": "24 hours",
  "7d": "7 days",
  "30d": "30 days",
};
const REFRESH_MS = 30_000;

/** Connections and active rooms over time. */
export function HistoryPanel({ range }: { readonly range: RangeName }): VNode {
  const history = useResource(
    (signal) => connectionsOverTime(SECONDS[range], signal),
    [range],
    REFRESH_MS,
  );
  const tabs = RANGES.map((name) => ({
    label: LABELS[name],
    href: formatRoute({ view: "overview", range: name }),
    current: name === range,
  }));
  return (
    <Panel title="Over time" class="history" beside={<Tabs label="Time range" tabs={tabs} />}>
      <Loaded of={history}>
        {(data) => (
          <>
            <HistoryChart history={data} />
            <HistoryTable history={data} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}
