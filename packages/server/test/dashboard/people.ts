import { afterEach } from "vitest";
import { type Session13, type SessionOptions, yWebsocket31 } from "../support/providers.ts";
import { waitFor } from "../support/wait-for.ts";

const open = new Set<Session13>();

afterEach(() => {
  for (const session of open) session.destroy();
  open.clear();
});

/** Somebody who is connected to a room until the test ends. */
export async function join(
  wsUrl: string,
  room: string,
  options: SessionOptions = {},
): Promise<Session13> {
  const session = yWebsocket31.open(wsUrl, encodeURIComponent(room), options);
  open.add(session);
  await waitFor(() => session.isSynced, { message: `somebody is synced in ${room}` });
  return session;
}

/** Somebody goes. */
export function leave(session: Session13): void {
  open.delete(session);
  session.destroy();
}
