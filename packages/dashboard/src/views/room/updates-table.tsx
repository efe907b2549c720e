import type { VNode } from "preact";
import { Empty } from "../../components/loaded.tsx";
import { formatBytes } from "../../format/numbers.ts";
import { formatPrecise } from "../../format/times.ts";
import { presenceName } from "../../live/presence-name.ts";
import type { PresentClient, SeenUpdate } from "../../live/watched-room.ts";

interface Props {
  readonly updates: readonly SeenUpdate[];
  /** Present clients, whose names are shown. */
  readonly present: readonly PresentClient[];
}

const NAMED_CLIENTS = 3;

/** The latest updates, newest first. */
export function UpdatesTable({ updates, present }: Props): VNode {
  if (updates.length === 0) return <Empty>No updates yet.</Empty>;
  const names = new Map(present.map((client) => [client.client, presenceName(client)]));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: scrollable by keyboard.
    <section class="scroll" tabIndex={0} aria-label="Latest updates">
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col" class="number">
              Bytes
            </th>
            <th scope="col">Clients</th>
          </tr>
        </thead>
        <tbody>
          {updates.map(({ id, at, bytes, clients, whole }) => (
            <tr key={id}>
              <td>
                <time dateTime={at}>{formatPrecise(new Date(at))}</time>
              </td>
              <td class="number">{formatBytes(bytes)}</td>
              <td dir="auto">{whole ? "whole document" : describe(clients, names)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Names the clients of an update. An update that only deletes names none. */
function describe(
  clients: readonly number[],
  names: ReadonlyMap<number, string | undefined>,
): string {
  if (clients.length === 0) return "deletions only";
  const named = clients.slice(0, NAMED_CLIENTS).map((client) => names.get(client) ?? client);
  const more = clients.length - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}
