import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Logger } from "pino";
import { within } from "../../runtime/within.ts";
import { codeOf, explain, statusOf } from "./explain.ts";

/** How long S3 has to say that it will not work. */
const ANSWER_MS = 4_000;

const GRACE_MS = 1_000;

/** What is no room is asked for, as a room that is opened for the first time. */
const NO_SNAPSHOT = ".symphony-backend";

/** They pass: S3 is down, busy or out of reach. */
const PASSING: ReadonlySet<string> = new Set(["TimeoutError", "AbortError", "SlowDown"]);

export interface CheckedBucket {
  readonly bucket: string;
  readonly prefix: string;
  readonly forcePathStyle: boolean;
}

/**
 * Makes sure that a room can be opened in a bucket: a name, region or credentials that are wrong would
 * otherwise be noticed by whoever opens the first one. When S3 cannot be asked now, nothing is said of it.
 *
 * @throws StorageError that says what to do, when S3 refuses and trying again does not help
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
    // The signal does not end the search for credentials.
    if (await within(ANSWER_MS + GRACE_MS, answer)) return;
    logger.warn("S3 does not answer; the server starts all the same");
  } catch (error) {
    const code = codeOf(error);
    if (code === "NoSuchKey" || code === "InvalidRange") return;
    const failure = explain(`use the S3 bucket ${JSON.stringify(bucket)}`, error);
    if (!isPassing(error)) throw failure;
    logger.warn({ err: failure }, "S3 cannot be asked now; the server starts all the same");
  } finally {
    client.destroy();
  }
}

function isPassing(error: unknown): boolean {
  if (PASSING.has(codeOf(error))) return true;
  const status = statusOf(error);
  if (status !== undefined) return status >= 500 || status === 429;
  // Of the operating system: nobody answers at the address. A name that is unknown may be known later.
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
