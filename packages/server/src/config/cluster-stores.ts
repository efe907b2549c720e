import type { CustomPart } from "./check-config.ts";
import type { Config } from "./config.ts";

/**
 * Whether snapshots are in PostgreSQL: in a cluster without a bucket. A server alone keeps them in the embedded
 * store even if it has a database, as it always has: it would not find its snapshots anywhere else.
 *
 * @param custom the parts that the application passes itself
 */
export function keepsSnapshotsInDatabase(
  { DATABASE_URL, S3_BUCKET, REDIS_URL }: Config,
  custom: ReadonlySet<CustomPart>,
): boolean {
  const isMember = REDIS_URL !== undefined || custom.has("bus");
  const hasOthers = S3_BUCKET !== undefined || custom.has("snapshots");
  return DATABASE_URL !== undefined && isMember && !hasOthers;
}
