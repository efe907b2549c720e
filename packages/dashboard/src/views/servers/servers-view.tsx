import type { VNode } from "preact";
import type { Servers } from "../../../../server/src/http/api/schemas.ts";
import { listServers } from "../../api/servers.ts";
import { useResource } from "../../api/use-resource.ts";
import { Loaded } from "../../components/loaded.tsx";
import { Page } from "../../components/page.tsx";
import { visible } from "../../format/visible.ts";
import { ServersTable } from "./servers-table.tsx";

const REFRESH_MS = 2_000;

/** The current status of each server in the cluster. */
export function ServersView(): VNode {
  const servers = useResource(listServers, [], REFRESH_MS);
  return (
    <Page title="Servers">
      <div class="panel flush">
        <Loaded of={servers}>
          {(data) => (
            <>
              <Unreachable servers={data.unreachable} />
              <ServersTable servers={data.servers} />
            </>
          )}
        </Loaded>
      </div>
    </Page>
  );
}

function Unreachable({ servers }: { readonly servers: Servers["unreachable"] }): VNode | null {
  if (servers.length === 0) return null;
  return (
    <ul class="troubles">
      {servers.map(({ address, reason }) => (
        <li key={address}>
          <code>{visible(address)}</code> <strong>not responding</strong> {visible(reason)}
        </li>
      ))}
    </ul>
  );
}
