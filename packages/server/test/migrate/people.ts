import { joinAt } from "../support/people.ts";

export { joinAt as join } from "../support/people.ts";

/** The text that a client finds in a room. */
export async function textIn(wsUrl: string, room: string): Promise<string> {
  return (await joinAt(wsUrl, room)).text.toString();
}
