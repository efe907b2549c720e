import type { VNode } from "preact";
import { RoomLink } from "../../components/room-link.tsx";
import { ServerNames } from "../../components/server-names.tsx";
import { formatCount } from "../../format/numbers.ts";
import type { LiveRoom } from "../../live/live-rooms.ts";

/** Active rooms. Each links to its live view. */
export function LiveTable({ rooms }: { readonly rooms: readonly LiveRoom[] }): VNode {
  return (
    <table class="reflow">
      <thead>
        <tr>
          <th scope="col">Room</th>
          <th scope="col" class="number">
            Connections
          </th>
          <th scope="col">Servers</th>
        </tr>
      </thead>
      <tbody>
        {rooms.map(({ name, connections, servers }) => (
          <tr key={name}>
            <th scope="row">
              <RoomLink to={{ view: "live-room", room: name }} />
            </th>
            <td class="number" data-label="Connections">
              {formatCount(connections)}
            </td>
            <td data-label="Servers">
              <ServerNames servers={servers} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
