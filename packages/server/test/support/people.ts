import { afterEach } from "vitest";
import {
  type ProviderVersion,
  type Session13,
  type SessionOptions,
  yWebsocket31,
} from "./providers.ts";
import { waitFor } from "./wait-for.ts";

const open = new Set<Session13>();

afterEach(() => {
  for (const session of open) session.destroy();
  open.clear();
});

/**
 * Joins a room with a real provider, which stays connected until the test ends.
 *
 * @param path the room, as it appears in the URL
 */
export async function joinAt(
  wsUrl: string,
  path: string,
  version: ProviderVersion<Session13> = yWebsocket31,
  options: SessionOptions = {},
): Promise<Session13> {
  const session = version.open(wsUrl, path, options);
  open.add(session);
  await waitFor(() => session.isSynced, { message: `${version.name} is synced in ${path}` });
  return session;
}

/** Disconnects before the test ends. */
export function leave(session: Session13): void {
  open.delete(session);
  session.destroy();
}
