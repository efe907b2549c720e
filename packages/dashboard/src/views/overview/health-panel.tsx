import type { VNode } from "preact";
import type { Servers } from "../../../../server/src/http/api/schemas.ts";
import type { Resource } from "../../api/use-resource.ts";
import { Loaded } from "../../components/loaded.tsx";
import { Panel } from "../../components/panel.tsx";
import { visible } from "../../format/visible.ts";
import { troublesOf } from "../servers/troubles.ts";

/** Current problems, and the servers they affect. */
export function HealthPanel({ servers }: { readonly servers: Resource<Servers> }): VNode {
  return (
    <Panel title="Health">
      <Loaded of={servers}>{(data) => <Troubles servers={data} />}</Loaded>
    </Panel>
  );
}

function Troubles({ servers: data }: { readonly servers: Servers }): VNode {
  const troubles = troublesOf(data);
  if (troubles.length === 0) return <p class="notice good">All servers are healthy.</p>;
  return (
    <ul class="troubles">
      {troubles.map(({ what, reason, servers: where }) => (
        <li key={`${what} ${where.join(" ")}`}>
          <strong>{what}</strong> {visible(reason)}{" "}
          <small>
            on{" "}
            {where.length === data.servers.length && where.length > 1
              ? "all servers"
              : visible(where.join(", "))}
          </small>
        </li>
      ))}
    </ul>
  );
}
