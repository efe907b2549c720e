import type { Activity } from "./activity.ts";
import type { Inputs } from "./inputs.ts";
import type { Spread } from "./spread.ts";

/** How often servers open rooms, per second. In the long run, they unload them as often. */
export interface Openings {
  /**
   * No other server holds the room: it is read from the stores. Also how often the last one
   * unloads.
   */
  readonly first: number;
  /**
   * Others hold the room: it is fetched from one. Also how often one unloads while others hold it.
   */
  readonly joining: number;
}

/**
 * A room is in use for one session. All its members join at the beginning; later joiners replace
 * members that left.
 */
export function openingsOf(inputs: Inputs, activity: Activity, spread: Spread): Openings {
  const first = activity.rooms / (inputs.sessionMinutes * 60);
  const later = activity.joins - first * inputs.clientsPerRoom;
  return { first, joining: first * (spread.holders - 1) + later * spread.moves };
}
