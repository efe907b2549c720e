import type { SnapshotStore } from "../snapshots.ts";
import { createS3Client, type S3ClientOptions } from "./client.ts";
import { S3Snapshots, type S3SnapshotsOptions } from "./snapshots.ts";

/**
 * Snapshots in an S3 bucket. Nothing is asked of S3 before the first call; one that moves little ends
 * within half a minute.
 *
 * A bucket that holds one encoded update for each room, with the room's name as its key, can be used
 * as it is.
 */
export function openS3Snapshots(options: S3ClientOptions & S3SnapshotsOptions): SnapshotStore {
  return new S3Snapshots(createS3Client(options), options);
}
