import type { VNode } from "preact";
import type { ServerStatus } from "../../../../server/src/http/api/schemas.ts";
import { formatBytes, formatCount, formatMilliseconds } from "../../format/numbers.ts";
import { formatDuration, formatFull } from "../../format/times.ts";
import { visible } from "../../format/visible.ts";
import { troublesOfServer } from "./troubles.ts";

/** The state of a lease, as people read it. */
const LEASE: Readonly<Record<ServerStatus["lease"], string>> = {
  none: "none",
  held: "held",
  lapsed: "expired",
};

/** One row per server. */
export function ServersTable({ servers }: { readonly servers: readonly ServerStatus[] }): VNode {
  return (
    <table class="reflow">
      <thead>
        <tr>
          <th scope="col">Server</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Connections
          </th>
          <th scope="col" class="number">
            Documents
          </th>
          <th scope="col" class="number">
            Memory
          </th>
          <th scope="col" class="number">
            Loop delay
          </th>
          <th scope="col">Lease</th>
          <th scope="col">Running for</th>
        </tr>
      </thead>
      <tbody>
        {servers.map((server) => (
          <ServerRow key={server.address} server={server} />
        ))}
      </tbody>
    </table>
  );
}

function ServerRow({ server }: { readonly server: ServerStatus }): VNode {
  const { memory, loopDelay } = server;
  const started = new Date(server.startedAt);
  return (
    <tr>
      <th scope="row">
        <code>{visible(server.address)}</code>
        <small>{server.version}</small>
      </th>
      <td data-label="State">
        <State server={server} />
      </td>
      <td class="number" data-label="Connections">
        {formatCount(server.connections)}
      </td>
      <td class="number" data-label="Documents">
        {formatCount(server.documents)}
        <small>{formatBytes(server.documentBytes)}</small>
      </td>
      <td class="number" data-label="Memory">
        {formatBytes(memory.resident)}
        <small>heap {formatBytes(memory.heapUsed)}</small>
      </td>
      <td class="number" data-label="Loop delay">
        {formatMilliseconds(loopDelay.p99)}
        <small>max {formatMilliseconds(loopDelay.max)}</small>
      </td>
      <td data-label="Lease">{LEASE[server.lease]}</td>
      <td data-label="Running for">
        <time dateTime={server.startedAt} title={`since ${formatFull(started)}`}>
          {formatDuration(Math.max(0, Date.now() - started.getTime()))}
        </time>
      </td>
    </tr>
  );
}

function State({ server }: { readonly server: ServerStatus }): VNode {
  const troubles = troublesOfServer(server);
  if (troubles.length === 0) return <span class="good">healthy</span>;
  return (
    <ul class="troubles">
      {troubles.map(({ what, reason }) => (
        <li key={what}>
          <strong>{what}</strong> {visible(reason)}
        </li>
      ))}
    </ul>
  );
}
