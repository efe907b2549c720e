import type { SnapshotStore } from "../snapshots.ts";
import { createS3Client, type S3ClientOptions } from "./client.ts";
import { S3Snapshots, type S3SnapshotsOptions } from "./snapshots.ts";

/**
 * Opens the snapshots in an S3 bucket. Sends no request before the first call; a call with little
 * data ends within half a minute.
 *
 * An existing bucket with one encoded update per room, under the room's name as the key, can be
 * used as it is.
 */
export function openS3Snapshots(options: S3ClientOptions & S3SnapshotsOptions): SnapshotStore {
  return new S3Snapshots(createS3Client(options), options);
}
