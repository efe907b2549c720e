import { afterEach } from "vitest";
import type * as Y from "yjs";
import { type ProviderVersion, type Session, yWebsocket31 } from "../support/providers.ts";
import { waitFor } from "../support/wait-for.ts";

const open = new Set<Session>();
afterEach(() => {
  for (const session of open) session.destroy();
  open.clear();
});

/** Opens a room with a real provider, until the test ends, and waits until it is synced. */
export async function join(
  wsUrl: string,
  room: string,
  version: ProviderVersion = yWebsocket31,
): Promise<Session> {
  const session = version.open(wsUrl, room);
  open.add(session);
  await waitFor(() => session.isSynced, { message: `${version.name} in ${room} is not synced` });
  return session;
}

/** The text that a client finds in a room. */
export async function textIn(wsUrl: string, room: string): Promise<string> {
  return (await join(wsUrl, room)).text.toString();
}

/** The document of a room, as a client has it. */
export async function openDocument(wsUrl: string, room: string): Promise<Y.Doc> {
  const session = yWebsocket31.open(wsUrl, room);
  open.add(session);
  await waitFor(() => session.isSynced, { message: `nobody is synced in ${room}` });
  return session.doc;
}
