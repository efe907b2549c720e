import { ApiProblem } from "./problems.ts";
import type { ConnectionsQuery } from "./schemas.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How much is shown when the query does not say from when. */
const DEFAULT_RANGE = DAY;
/** So many points a chart can show. */
const CHART_POINTS = 300;
const MAX_POINTS = 10_000;
/** They divide a day, so that days begin with a bucket. */
const BUCKETS = [1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE);
const LONG_BUCKETS = [1, 2, 3, 6, 12, 24].map((hours) => hours * HOUR);

/** A time and the pieces in which it is counted, in milliseconds. */
export interface Buckets {
  readonly from: number;
  readonly to: number;
  readonly bucket: number;
}

/**
 * The time that a query is about, widened to whole buckets.
 *
 * @throws ApiProblem when there is no such time, or too many points
 */
export function bucketsOf(query: ConnectionsQuery, now: number): Buckets {
  const to = query.to === undefined ? now : Date.parse(query.to);
  const from = query.from === undefined ? to - DEFAULT_RANGE : Date.parse(query.from);
  if (from >= to) {
    throw new ApiProblem(400, `from is ${iso(from)}: it must be before to, which is ${iso(to)}`);
  }
  const bucket = query.bucket === undefined ? bucketFor(to - from) : query.bucket * 1_000;
  const points = Math.ceil((to - from) / bucket);
  if (points > MAX_POINTS) {
    throw new ApiProblem(
      400,
      `bucket is ${bucket / 1_000}: that makes ${points} points; at most ${MAX_POINTS} are given`,
    );
  }
  return {
    from: Math.floor(from / bucket) * bucket,
    to: Math.ceil(to / bucket) * bucket,
    bucket,
  };
}

function bucketFor(range: number): number {
  const least = range / CHART_POINTS;
  const fitting = [...BUCKETS, ...LONG_BUCKETS].find((bucket) => bucket >= least);
  return fitting ?? Math.ceil(least / DAY) * DAY;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
