/** The result of trying one size. */
export interface Trial {
  /** 1 is as full as allowed; more is too much, and infinite means that it failed. */
  readonly fullness: number;
}

export interface Tried<Result extends Trial> {
  readonly size: number;
  readonly result: Result;
}

export interface Found<Result extends Trial> {
  /** The largest that was not too much; undefined if even the smallest was. */
  readonly largest: Tried<Result> | undefined;
  /** The smallest that was too much; undefined if none was. */
  readonly tooMuch: Tried<Result> | undefined;
}

/** All sizes are multiples of this, and at least this. */
const STEP = 20;
const TRIALS = 10;
/** From this on, a trial counts as full. */
const FULL_ENOUGH = 0.97;
/** Two sizes this close count as equal. */
const CLOSE = 0.03;
const GROWTH_LIMIT = 2;

/**
 * Finds the largest size that is not too much, to within about three per cent: by extrapolating
 * linearly from the last trial where that helps, and otherwise by bisection.
 */
export async function findLargest<Result extends Trial>(
  first: number,
  attempt: (size: number) => Promise<Result>,
): Promise<Found<Result>> {
  let largest: Tried<Result> | undefined;
  let tooMuch: Tried<Result> | undefined;
  let size = first;
  for (let trial = 0; trial < TRIALS; trial++) {
    const result = await attempt(size);
    if (result.fullness > 1) tooMuch = { size, result };
    else largest = { size, result };
    if (result.fullness >= FULL_ENOUGH && result.fullness <= 1) break;
    const low = largest?.size ?? 0;
    const high = tooMuch?.size ?? low * GROWTH_LIMIT;
    if (high - low <= Math.max(STEP, high * CLOSE)) break;
    const expected = size / result.fullness;
    if (tooMuch === undefined) size = Math.min(expected, high);
    else size = expected > low && expected < high ? expected : (low + high) / 2;
    size = Math.max(Math.floor(size / STEP) * STEP, low + STEP);
  }
  return { largest, tooMuch };
}
