import type { AwarenessState } from "../../protocol/awareness.ts";
import { decodeText } from "../../protocol/text.ts";
import type { PresenceJson } from "./schemas.ts";

/** Converts awareness states to the API's presence format. */
export function presenceJson(states: readonly AwarenessState[]): PresenceJson["clients"] {
  return states.map(({ client, clock, state }) => ({
    client,
    clock,
    state: JSON.parse(decodeText(state)),
  }));
}
