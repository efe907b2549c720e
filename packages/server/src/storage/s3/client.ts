import { S3Client } from "@aws-sdk/client-s3";
import { sendUnquotedIfMatch } from "./unquoted-if-match.ts";

export interface S3ClientOptions {
  /** Whether the bucket is in the path of URLs, instead of in the host. */
  readonly forcePathStyle: boolean;
  /** Whether `If-Match` is sent without the quotes of the ETag, as Ceph wants it. */
  readonly unquotedIfMatch: boolean;
}

/** Four attempts that are not answered end before the time of a call is up. */
const ATTEMPTS = 4;
const CONNECT_MS = 2_000;
/** How long nothing may be sent or received, before the answer and in it. */
const SILENCE_MS = 5_000;

/**
 * What is smaller follows the head of its request at once, and does not wait until S3 asks for it. Ceph
 * looks at the condition of a write before it asks: a server that is frozen in between would, when it
 * goes on, overwrite what others have stored meanwhile. What is larger does not fit into the buffers
 * of a socket, so that sending it can be interrupted in any case.
 */
const SENT_AT_ONCE_BYTES = 1024 * 1024;

/**
 * A client that tries again after growing, random pauses when S3 fails, is silent or is busy. Region,
 * endpoint and credentials come from the environment, as everywhere with AWS.
 */
export function createS3Client({ forcePathStyle, unquotedIfMatch }: S3ClientOptions): S3Client {
  const client = new S3Client({
    forcePathStyle,
    maxAttempts: ATTEMPTS,
    expectContinueHeader: SENT_AT_ONCE_BYTES,
    // There is no limit for a whole request: how long it takes depends on what it moves.
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: SILENCE_MS },
  });
  if (unquotedIfMatch) sendUnquotedIfMatch(client);
  return client;
}
