import type { CpuUse } from "../process/cpu-meter.ts";
import { Disturbed } from "./disturbed.ts";
import { GeneratorFull } from "./generator-full.ts";
import { Overloaded } from "./overloaded.ts";
import type { Window } from "./window.ts";

/** Replaced presence is not a delivery. Above this share, a contender does different work. */
const TOLERATED_REPLACED = 0.05;

/** Below this share a backlog grew: the window's CPU is not the cost of its deliveries. */
const NEEDED_IN_TIME = 0.95;

/** Above this share of the server's core, other programs may have slowed it down. */
const TOLERATED_OTHERS = 0.1;

/** Above this share of a core, the load generator may have been too slow. */
const GENERATOR_FULL = 0.95;

/**
 * Call it once all members are up to date. Throws if deliveries of the window are missing, and
 * `Overloaded` if the server did not do the window's work within it, because CPU per delivery would
 * be too low. Throws `Disturbed` instead of the latter if other programs used much of the server's
 * core, or `GeneratorFull` if the load generator had no time left.
 */
export function checkWindow(
  window: Window,
  { others = 0, generator }: Pick<CpuUse, "others" | "generator">,
): void {
  const updates = window.updateLatency.count;
  if (updates !== window.expectedUpdates) {
    throw new Error(`${updates} updates were delivered instead of ${window.expectedUpdates}`);
  }
  const presence = window.presenceLatency.count + window.replacedPresence;
  if (presence !== window.expectedPresence) {
    throw new Error(`${presence} presence changes were delivered, not ${window.expectedPresence}`);
  }
  const slowness = describeSlowness(window);
  if (slowness === undefined) return;
  if (others > TOLERATED_OTHERS) {
    throw new Disturbed(`${slowness}; other programs used ${percent(others)} of the server's core`);
  }
  if (generator > GENERATOR_FULL) {
    throw new GeneratorFull(`${slowness}; the load generator used ${percent(generator)} of a core`);
  }
  throw new Overloaded(slowness);
}

function describeSlowness(window: Window): string | undefined {
  const replaced = window.replacedPresence / Math.max(1, window.expectedPresence);
  if (replaced > TOLERATED_REPLACED) {
    return `${percent(replaced)} of the presence was replaced before it was sent`;
  }
  const inTime = window.receipts / Math.max(1, window.deliveries);
  if (inTime < NEEDED_IN_TIME) return `only ${percent(inTime)} of the work was done in time`;
  return undefined;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
