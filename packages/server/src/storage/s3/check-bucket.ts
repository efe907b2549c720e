import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Logger } from "pino";
import { within } from "../../runtime/time-limit.ts";
import { codeOf, explain, statusOf } from "./s3-errors.ts";

/** How long to wait for S3 to report a problem. */
const ANSWER_MS = 4_000;

const GRACE_MS = 1_000;

/** A key that belongs to no room. Reading it looks like opening a room for the first time. */
const NO_SNAPSHOT = ".symphony-backend";

/** Transient errors: S3 is down, busy or unreachable. */
const PASSING: ReadonlySet<string> = new Set(["TimeoutError", "AbortError", "SlowDown"]);

export interface CheckedBucket {
  readonly bucket: string;
  readonly prefix: string;
  readonly forcePathStyle: boolean;
}

/**
 * Makes sure that rooms can be opened from a bucket: otherwise, a wrong name, region or credentials
 * would be noticed only when a client opens the first room. If S3 is unreachable now, only logs a
 * warning.
 *
 * @throws StorageError that says what to do, if S3 refuses and retrying does not help
 */
export async function checkBucket(
  { bucket, prefix, forcePathStyle }: CheckedBucket,
  logger: Pick<Logger, "warn">,
): Promise<void> {
  const client = new S3Client({ forcePathStyle, maxAttempts: 1 });
  try {
    const Key = prefix + NO_SNAPSHOT;
    const command = new GetObjectCommand({ Bucket: bucket, Key, Range: "bytes=0-0" });
    const answer = client.send(command, { abortSignal: AbortSignal.timeout(ANSWER_MS) });
    // The signal does not abort the credential lookup.
    if (await within(ANSWER_MS + GRACE_MS, answer)) return;
    logger.warn("S3 is not responding, starting anyway");
  } catch (error) {
    const code = codeOf(error);
    if (code === "NoSuchKey" || code === "InvalidRange") return;
    const failure = explain(`use the S3 bucket ${JSON.stringify(bucket)}`, error);
    if (!isPassing(error)) throw failure;
    logger.warn({ err: failure }, "S3 unavailable, starting anyway");
  } finally {
    client.destroy();
  }
}

function isPassing(error: unknown): boolean {
  if (PASSING.has(codeOf(error))) return true;
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 || status === 429;
  // An error of the operating system: nothing responds at the address. An unknown name may resolve
  // later.
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
