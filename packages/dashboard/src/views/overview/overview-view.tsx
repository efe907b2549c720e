import type { VNode } from "preact";
import { listServers } from "../../api/servers.ts";
import { useResource } from "../../api/use-resource.ts";
import { Page } from "../../components/page.tsx";
import { StreamBadge } from "../../components/stream-badge.tsx";
import { useLiveRooms } from "../../live/use-live-rooms.ts";
import type { RangeName } from "../../routing/route.ts";
import { ClusterFacts } from "./cluster-facts.tsx";
import { HealthPanel } from "./health-panel.tsx";
import { HistoryPanel } from "./history-panel.tsx";

const REFRESH_MS = 5_000;

/** The state of the cluster, now and over time. */
export function OverviewView({ range }: { readonly range: RangeName }): VNode {
  const servers = useResource(listServers, [], REFRESH_MS);
  const { state, live } = useLiveRooms();
  return (
    <Page title="Overview" beside={<StreamBadge state={state} />}>
      <ClusterFacts totals={live?.totals} servers={servers.data} />
      <HistoryPanel range={range} />
      <HealthPanel servers={servers} />
    </Page>
  );
}
