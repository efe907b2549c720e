import {
  CreateBucketCommand,
  HeadBucketCommand,
  type S3Client,
  waitUntilBucketExists,
} from "@aws-sdk/client-s3";
import { createS3Client, type S3ClientOptions } from "./client.ts";
import { codeOf, explain, statusOf } from "./s3-errors.ts";
import { TimeLimit } from "./time-limit.ts";

const WAIT_S = 20;

/**
 * Creates a bucket unless it exists. Can be called repeatedly and concurrently.
 *
 * @throws StorageError that says what to do
 */
export async function createBucket(
  bucket: string,
  { forcePathStyle }: Pick<S3ClientOptions, "forcePathStyle">,
): Promise<void> {
  const client = createS3Client({ forcePathStyle, unquotedIfMatch: false });
  try {
    await TimeLimit.during(async ({ signal }) => {
      if (!(await bucketExists(client, bucket, signal)))
        await createMissingBucket(client, bucket, signal);
    });
  } catch (error) {
    throw explain(`create the S3 bucket ${JSON.stringify(bucket)}`, error);
  } finally {
    client.destroy();
  }
}

async function bucketExists(
  client: S3Client,
  bucket: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal: signal });
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}

async function createMissingBucket(
  client: S3Client,
  bucket: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal: signal });
  } catch (error) {
    if (!SOMEBODY_ELSE_DOES.has(codeOf(error))) throw error;
    await waitUntilBucketExists(
      { client, maxWaitTime: WAIT_S, abortSignal: signal },
      { Bucket: bucket },
    );
  }
}

/** The bucket was created by another process, or is about to be. */
const SOMEBODY_ELSE_DOES: ReadonlySet<string> = new Set([
  "BucketAlreadyOwnedByYou",
  "OperationAborted",
]);
