import type { VNode } from "preact";
import type { RoomsEvent, Servers } from "../../../../server/src/http/api/schemas.ts";
import { countRooms } from "../../api/rooms.ts";
import { useResource } from "../../api/use-resource.ts";
import { Facts } from "../../components/facts.tsx";
import { formatBytes, formatCount } from "../../format/numbers.ts";

interface Props {
  readonly totals: RoomsEvent["totals"] | undefined;
  readonly servers: Servers | undefined;
}

const REFRESH_MS = 30_000;
/** Placeholder for a figure that is not known yet. */
const UNKNOWN = "–";

/** Current figures of the cluster. */
export function ClusterFacts({ totals, servers }: Props): VNode {
  const rooms = useResource(countRooms, [], REFRESH_MS).data;
  const alive = servers?.servers;
  const documents = alive?.reduce((sum, server) => sum + server.documents, 0);
  const bytes = alive?.reduce((sum, server) => sum + server.documentBytes, 0);
  const unreachable = servers?.unreachable.length ?? 0;
  return (
    <Facts
      facts={[
        { label: "Connections", value: count(totals?.connections), detail: "now" },
        { label: "Active rooms", value: count(totals?.rooms), detail: "with connections" },
        {
          label: "Documents in memory",
          value: count(documents),
          detail: bytes === undefined ? UNKNOWN : formatBytes(bytes),
        },
        { label: "Rooms", value: count(rooms), detail: "in total" },
        {
          label: "Servers",
          value: count(alive?.length),
          detail:
            unreachable === 0
              ? "all responding"
              : `${formatCount(unreachable)} more not responding`,
        },
      ]}
    />
  );
}

function count(value: number | undefined): string {
  return value === undefined ? UNKNOWN : formatCount(value);
}
