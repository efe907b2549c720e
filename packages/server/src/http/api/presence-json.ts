import type { PresenceState } from "../../protocol/presence.ts";
import { decodeText } from "../../protocol/text.ts";
import type { PresenceJson } from "./schemas.ts";

/** Presence states as the API gives them. */
export function presenceJson(states: readonly PresenceState[]): PresenceJson["clients"] {
  return states.map(({ client, clock, state }) => ({
    client,
    clock,
    state: JSON.parse(decodeText(state)),
  }));
}
