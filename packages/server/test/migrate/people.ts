import { afterEach } from "vitest";
import { type ProviderVersion, type Session13, yWebsocket31 } from "../support/providers.ts";
import { waitFor } from "../support/wait-for.ts";

const open = new Set<Session13>();
afterEach(() => {
  for (const session of open) session.destroy();
  open.clear();
});

/** Opens a room with a real provider, until the test ends, and waits until it is synced. */
export async function join(
  wsUrl: string,
  room: string,
  version: ProviderVersion<Session13> = yWebsocket31,
): Promise<Session13> {
  const session = version.open(wsUrl, room);
  open.add(session);
  await waitFor(() => session.isSynced, { message: `${version.name} in ${room} is not synced` });
  return session;
}

/** The text that a client finds in a room. */
export async function textIn(wsUrl: string, room: string): Promise<string> {
  return (await join(wsUrl, room)).text.toString();
}
