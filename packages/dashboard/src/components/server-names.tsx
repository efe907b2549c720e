import type { VNode } from "preact";
import { visible } from "../format/visible.ts";

/** The addresses of the servers that have a room in memory. */
export function ServerNames({ servers }: { readonly servers: readonly string[] }): VNode {
  if (servers.length === 0) return <span class="quiet-text">none</span>;
  return (
    <span class="servers">
      {servers.map((server) => (
        <code key={server}>{visible(server)}</code>
      ))}
    </span>
  );
}
