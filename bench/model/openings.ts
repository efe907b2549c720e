import type { Activity } from "./activity.ts";
import type { Inputs } from "./inputs.ts";
import type { Spread } from "./spread.ts";

/** How often servers open rooms, in a second. In the long run they let them go as often. */
export interface Openings {
  /** Nobody else holds the room: it comes from the stores. Also how often the last one lets go. */
  readonly first: number;
  /** Others hold the room: it comes from one of them. Also how often one lets go whom others outlast. */
  readonly joining: number;
}

/**
 * A room is in use for one session. All its members come at the beginning; who joins later takes the
 * place of one who went.
 */
export function openingsOf(inputs: Inputs, activity: Activity, spread: Spread): Openings {
  const first = activity.rooms / (inputs.sessionMinutes * 60);
  const later = activity.joins - first * inputs.clientsPerRoom;
  return { first, joining: first * (spread.holders - 1) + later * spread.moves };
}
