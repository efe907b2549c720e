import { ApiProblem } from "./problems.ts";
import type { ConnectionsQuery } from "./schemas.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The range shown if the query has no `from`. */
const DEFAULT_RANGE = DAY;
/** How many points a chart can show. */
const CHART_POINTS = 300;
const MAX_POINTS = 10_000;
/** Bucket sizes that divide a day, so that each day starts a bucket. */
const BUCKETS = [1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE);
const LONG_BUCKETS = [1, 2, 3, 6, 12, 24].map((hours) => hours * HOUR);

/** A time range and the size of its buckets, in milliseconds. */
export interface Buckets {
  readonly from: number;
  readonly to: number;
  readonly bucket: number;
}

/**
 * The time range of a query, widened to whole buckets.
 *
 * @throws ApiProblem if the range is empty or has too many points
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
      `bucket is ${bucket / 1_000}: that makes ${points} points; the maximum is ${MAX_POINTS}`,
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
