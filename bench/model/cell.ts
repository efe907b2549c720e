import type { Activity } from "./activity.ts";
import type { Inputs } from "./inputs.ts";
import type { Openings } from "./openings.ts";
import type { Spread } from "./spread.ts";

/** One cluster at work, from which the requests to each service follow. */
export interface Cell {
  readonly inputs: Inputs;
  readonly activity: Activity;
  readonly spread: Spread;
  readonly openings: Openings;
  readonly servers: number;
}
