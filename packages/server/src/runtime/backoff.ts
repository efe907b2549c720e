/** Bounds of the pauses between attempts, in milliseconds. */
export interface BackoffBounds {
  readonly first: number;
  readonly longest: number;
}

/**
 * Returns how long to pause before the next attempt. The pauses double with each failure; jitter keeps
 * those that failed together from trying again together.
 *
 * @param failures so far, at least one
 */
export function backoff(failures: number, { first, longest }: BackoffBounds): number {
  return jittered(Math.min(longest, first * 2 ** (failures - 1)));
}

/** Returns between half of a duration and all of it. */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

/** Returns a duration that differs from this one by up to `share` of it either way. */
export function jitteredAround(ms: number, share: number): number {
  return ms * (1 + share * (2 * Math.random() - 1));
}
