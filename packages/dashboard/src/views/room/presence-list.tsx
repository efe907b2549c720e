import type { VNode } from "preact";
import { ValueChildren } from "../../components/document-tree/value-node.tsx";
import { Empty } from "../../components/loaded.tsx";
import { formatCount } from "../../format/numbers.ts";
import { presenceName } from "../../live/presence-name.ts";
import type { PresentClient } from "../../live/watched-room.ts";

const SHOWN = 100;

/** The present clients, each with its awareness state. */
export function PresenceList({ present }: { readonly present: readonly PresentClient[] }): VNode {
  if (present.length === 0) return <Empty>No client is present.</Empty>;
  const hidden = present.length - SHOWN;
  return (
    <>
      <ul class="presence">
        {present.slice(0, SHOWN).map((client) => (
          <li key={client.client}>
            <Client client={client} />
          </li>
        ))}
      </ul>
      {hidden > 0 && <p class="notice">and {formatCount(hidden)} more</p>}
    </>
  );
}

function Client({ client }: { readonly client: PresentClient }): VNode {
  const { state } = client;
  const name = presenceName(client);
  return (
    <details>
      <summary>
        <span class="person" dir="auto">
          {name ?? "Unnamed"}
        </span>
        <code>{client.client}</code>
      </summary>
      {typeof state === "object" && state !== null && <ValueChildren of={state} depth={0} />}
    </details>
  );
}
