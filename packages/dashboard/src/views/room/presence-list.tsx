import type { VNode } from "preact";
import { ValueChildren } from "../../components/document-tree/value-node.tsx";
import { Empty } from "../../components/loaded.tsx";
import { formatCount } from "../../format/numbers.ts";
import { presenceName } from "../../live/presence-name.ts";
import type { PresentClient } from "../../live/watched-room.ts";

const SHOWN = 100;

/** Who is there, with what each client tells of itself. */
export function PresenceList({ present }: { readonly present: readonly PresentClient[] }): VNode {
  if (present.length === 0) return <Empty>Nobody says that they are here.</Empty>;
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
          {name ?? "No name"}
        </span>
        <code>{client.client}</code>
      </summary>
      {typeof state === "object" && state !== null && <ValueChildren of={state} depth={0} />}
    </details>
  );
}
