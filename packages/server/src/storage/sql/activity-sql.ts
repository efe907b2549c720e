import { type CompiledQuery, type Kysely, type RawBuilder, sql } from "kysely";
import type { ActivityPoint, ServerActivity } from "../metadata.ts";
import type { MetadataSchema } from "./metadata-schema.ts";

/** A range of time to read; `bucket` is the length of its points. */
export interface ActivityRange {
  readonly from: number;
  readonly to: number;
  readonly bucket: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/**
 * Totals of this recent period are computed again, because servers may have recorded something
 * late.
 */
const LATE_MS = 2 * HOUR_MS;
/** How long the figures of each server are kept after they were aggregated. */
const KEPT_MS = 48 * HOUR_MS;
const MOST_POINTS = 20_000;

const BY_SERVER = sql.table("activity_by_server");
const BY_MINUTE = sql.table("activity_by_minute");
const BY_HOUR = sql.table("activity_by_hour");

/** @throws RangeError */
export function checkActivityRange({ from, to, bucket }: ActivityRange): void {
  if (bucket <= 0 || !Number.isInteger(bucket / MINUTE_MS)) {
    throw new RangeError(`A bucket of ${bucket} ms is not a whole number of minutes`);
  }
  const points = Math.ceil((to - from) / bucket);
  if (points <= MOST_POINTS) return;
  throw new RangeError(
    `A bucket of ${bucket} ms gives ${points} points; use a longer one, for at most ${MOST_POINTS} points`,
  );
}

export async function recordActivity(
  db: Kysely<MetadataSchema>,
  { minute, server, connections, rooms, connects }: ServerActivity,
): Promise<void> {
  await sql`
    INSERT INTO ${BY_SERVER} (minute, server, connections, rooms, connects)
    VALUES (${minute}, ${server}, ${connections}, ${rooms}, ${connects})
    ON CONFLICT (minute, server) DO UPDATE SET ${keepLarger(BY_SERVER)}
  `.execute(db);
}

/** @param range accepted by `checkActivityRange` */
export async function readActivity(
  db: Kysely<MetadataSchema>,
  { from, to, bucket }: ActivityRange,
): Promise<readonly ActivityPoint[]> {
  const isHourly = bucket % HOUR_MS === 0;
  const totals = isHourly ? BY_HOUR : BY_MINUTE;
  const step = isHourly ? HOUR_MS : MINUTE_MS;
  const start = floor(from, bucket);
  const end = floor(to + bucket - 1, bucket);
  // Everything up to the latest total has been aggregated, and nothing after it.
  const { rows } = await sql<ActivityPoint>`
    SELECT
      point AS at,
      max(connections) AS connections,
      max(rooms) AS rooms,
      CAST(sum(connects) AS bigint) AS connects
    FROM (
      SELECT at - at % ${bucket} AS point, connections, rooms, connects
      FROM ${totals} WHERE at >= ${start} AND at < ${end}
      UNION ALL
      SELECT minute - minute % ${bucket}, sum(connections), sum(rooms), sum(connects)
      FROM ${BY_SERVER}
      WHERE minute >= ${start} AND minute < ${end}
        AND minute >= (SELECT coalesce(max(at) + ${step}, 0) FROM ${totals})
      GROUP BY minute
    ) AS parts
    GROUP BY point
  `.execute(db);
  const known = new Map(rows.map((point) => [point.at, point]));
  const points: ActivityPoint[] = [];
  for (let at = start; at < end; at += bucket) {
    points.push(known.get(at) ?? { at, connections: 0, rooms: 0, connects: 0 });
  }
  return points;
}

/**
 * Returns statements to run in one transaction. Servers may run them concurrently, each with the
 * figures that it sees, because totals only grow, as do the figures they are made of. All write in
 * the same order, which prevents deadlocks.
 */
export function rollUpActivity(
  db: Kysely<MetadataSchema>,
  before: number,
): readonly CompiledQuery[] {
  const end = floor(before, HOUR_MS);
  return [
    sql`
      INSERT INTO ${BY_MINUTE} (at, connections, rooms, connects)
      SELECT minute, sum(connections), sum(rooms), sum(connects)
      FROM ${BY_SERVER}
      WHERE minute >= ${lateFrom(BY_MINUTE)} AND minute < ${end}
      GROUP BY minute ORDER BY minute
      ON CONFLICT (at) DO UPDATE SET ${keepLarger(BY_MINUTE)}
    `.compile(db),
    sql`
      INSERT INTO ${BY_HOUR} (at, connections, rooms, connects)
      SELECT at - at % ${sql.lit(HOUR_MS)}, max(connections), max(rooms), sum(connects)
      FROM ${BY_MINUTE}
      WHERE at >= ${lateFrom(BY_HOUR)} AND at < ${end}
      GROUP BY 1 ORDER BY 1
      ON CONFLICT (at) DO UPDATE SET ${keepLarger(BY_HOUR)}
    `.compile(db),
    sql`DELETE FROM ${BY_SERVER} WHERE minute < ${end - KEPT_MS}`.compile(db),
  ];
}

/** Returns statements to run in one transaction. */
export function forgetActivity(
  db: Kysely<MetadataSchema>,
  before: number,
): readonly CompiledQuery[] {
  const end = floor(before, HOUR_MS);
  return [
    sql`DELETE FROM ${BY_SERVER} WHERE minute < ${end}`.compile(db),
    sql`DELETE FROM ${BY_MINUTE} WHERE at < ${end}`.compile(db),
    sql`DELETE FROM ${BY_HOUR} WHERE at < ${end}`.compile(db),
  ];
}

function floor(time: number, step: number): number {
  return Math.floor(time / step) * step;
}

/** The time from which to aggregate; recent totals are computed again. */
function lateFrom(totals: RawBuilder<unknown>): RawBuilder<number> {
  return sql`(SELECT coalesce(max(at), 0) - ${LATE_MS} FROM ${totals})`;
}

function keepLarger(table: RawBuilder<unknown>): RawBuilder<unknown> {
  const larger = ["connections", "rooms", "connects"].map((name) => {
    const figure = sql.ref(name);
    const [before, now] = [sql`${table}.${figure}`, sql`excluded.${figure}`];
    return sql`${figure} = CASE WHEN ${now} > ${before} THEN ${now} ELSE ${before} END`;
  });
  return sql.join(larger);
}
