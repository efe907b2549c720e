import { S3Client } from "@aws-sdk/client-s3";

export interface S3ClientOptions {
  /** Whether the bucket is in the path of URLs instead of the host name. */
  readonly forcePathStyle: boolean;
  /** Whether `If-Match` is sent without the quotes of the ETag, as Ceph requires. */
  readonly unquotedIfMatch: boolean;
}

/** Four attempts without a response end before the time limit of a call. */
const ATTEMPTS = 4;
const CONNECT_MS = 2_000;
/** How long a socket may be idle, before or during the response. */
const SILENCE_MS = 5_000;

/**
 * Smaller bodies are sent right after the request headers, without waiting for `100 Continue`. Ceph
 * evaluates the condition of a write before it sends that: a server that is frozen in between
 * would, once it resumes, overwrite what others have stored meanwhile. Larger bodies do not fit
 * into the socket buffers, so sending them can be interrupted in any case.
 */
const SENT_AT_ONCE_BYTES = 1024 * 1024;

/**
 * Creates a client that retries with exponential, random backoff when S3 fails, is silent or is
 * busy. Region, endpoint and credentials come from the environment, as is usual with AWS.
 */
export function createS3Client({ forcePathStyle, unquotedIfMatch }: S3ClientOptions): S3Client {
  const client = new S3Client({
    forcePathStyle,
    maxAttempts: ATTEMPTS,
    expectContinueHeader: SENT_AT_ONCE_BYTES,
    // There is no limit for a whole request: its duration depends on the amount of data.
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
  });
  if (unquotedIfMatch) sendUnquotedIfMatch(client);
  return client;
}

/**
 * Makes a client send `If-Match` without the quotes of the ETag. Ceph compares the header with the
 * bare ETag, so with the quotes that the standard requires, no condition ever holds.
 */
function sendUnquotedIfMatch(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (hasHeaders(request)) {
        const value = request.headers["if-match"];
        if (value !== undefined) request.headers["if-match"] = value.replaceAll('"', "");
      }
      return next(args);
    },
    // Runs before the request is signed.
    { step: "build", name: "sendUnquotedIfMatch", priority: "low" },
  );
}

function hasHeaders(request: unknown): request is { headers: Record<string, string | undefined> } {
  return typeof request === "object" && request !== null && "headers" in request;
}
