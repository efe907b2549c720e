import { joinAt } from "../support/people.ts";
import { type Session13, type SessionOptions, yWebsocket31 } from "../support/providers.ts";

export { leave } from "../support/people.ts";

/** Somebody who is connected to a room, whatever its name is, until the test ends. */
export function join(
  wsUrl: string,
  room: string,
  options: SessionOptions = {},
): Promise<Session13> {
  return joinAt(wsUrl, encodeURIComponent(room), yWebsocket31, options);
}
