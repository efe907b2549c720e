import type { VNode } from "preact";
import type { RoomJson } from "../../../../server/src/http/api/schemas.ts";
import { RoomLink } from "../../components/room-link.tsx";
import { ServerNames } from "../../components/server-names.tsx";
import { TimeAgo } from "../../components/time-ago.tsx";
import { formatBytes, formatCount } from "../../format/numbers.ts";
import type { RoomsRoute } from "../../routing/route.ts";
import { SortHeading } from "./sort-heading.tsx";

interface Props {
  readonly rooms: readonly RoomJson[];
  readonly route: RoomsRoute;
}

/** All rooms. Each links to its stored document. */
export function RoomsTable({ rooms, route }: Props): VNode {
  return (
    <table class="reflow">
      <thead>
        <tr>
          <SortHeading label="Room" by="name" route={route} />
          <th scope="col" class="number">
            Connections
          </th>
          <SortHeading label="Size" by="bytes" route={route} class="number" />
          <SortHeading label="Last update" by="updated" route={route} />
          <SortHeading label="Created" by="created" route={route} />
          <th scope="col">Servers</th>
        </tr>
      </thead>
      <tbody>
        {rooms.map((room) => (
          <tr key={room.name}>
            <th scope="row">
              <RoomLink to={{ view: "room", room: room.name }} />
              {room.quarantine !== undefined && (
                <span class="quarantined" title={room.quarantine.reason}>
                  quarantined
                </span>
              )}
            </th>
            <td class="number" data-label="Connections">
              {room.active ? (
                <span class="active">{formatCount(room.connections)}</span>
              ) : (
                <span class="quiet-text">0</span>
              )}
            </td>
            <td class="number" data-label="Size">
              {formatBytes(room.bytes)}
            </td>
            <td data-label="Last update">
              <TimeAgo at={room.updatedAt} />
            </td>
            <td data-label="Created">
              <TimeAgo at={room.createdAt} />
            </td>
            <td data-label="Servers">
              <ServerNames servers={room.servers} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
