import type { VNode } from "preact";
import type { RoomJson } from "../../../../server/src/http/api/schemas.ts";
import { Facts } from "../../components/facts.tsx";
import { ServerNames } from "../../components/server-names.tsx";
import { TimeAgo } from "../../components/time-ago.tsx";
import { formatBytes, formatCount } from "../../format/numbers.ts";

/** Since when, and why, the document is too expensive to compact or show. */
function quarantineFact({ reason, since }: NonNullable<RoomJson["quarantine"]>) {
  return {
    label: "Quarantined",
    value: <TimeAgo at={since} />,
    detail: reason,
  };
}

/** The properties of a room, without its document. */
export function RoomFacts({ room }: { readonly room: RoomJson }): VNode {
  return (
    <Facts
      facts={[
        ...(room.quarantine === undefined ? [] : [quarantineFact(room.quarantine)]),
        {
          label: "Connections",
          value: formatCount(room.connections),
          detail: room.active ? "active" : "inactive",
        },
        { label: "Stored size", value: formatBytes(room.bytes) },
        { label: "Last update", value: <TimeAgo at={room.updatedAt} /> },
        { label: "Created", value: <TimeAgo at={room.createdAt} /> },
        { label: "In memory on", value: <ServerNames servers={room.servers} /> },
      ]}
    />
  );
}
