import { joinAt } from "../support/people.ts";
import { type Session13, type SessionOptions, yWebsocket31 } from "../support/providers.ts";

export { leave } from "../support/people.ts";

/** Connects a client to a room with any name, until the end of the test. */
export function join(
  wsUrl: string,
  room: string,
  options: SessionOptions = {},
): Promise<Session13> {
  return joinAt(wsUrl, encodeURIComponent(room), yWebsocket31, options);
}
