import { S3ServiceException } from "@aws-sdk/client-s3";
import { StorageError } from "../errors.ts";

const DENIED =
  "access is denied; check the credentials, and that they may list the bucket and get, put and delete objects";
const ELSEWHERE = "the bucket is in another region; check AWS_REGION";

/** What to do about it, by the code of the error. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: "the bucket does not exist; run symphony-backend setup, or check S3_BUCKET",
  BucketAlreadyExists: "the name belongs to somebody else; choose another S3_BUCKET",
  InvalidBucketName: "this cannot be the name of a bucket; check S3_BUCKET",
  AccessDenied: DENIED,
  InvalidAccessKeyId: "the access key is not known; check AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "the signature does not match; check AWS_SECRET_ACCESS_KEY",
  CredentialsProviderError: "there are no credentials; set AWS_ACCESS_KEY_ID, or use a role",
  PermanentRedirect: ELSEWHERE,
  AuthorizationHeaderMalformed: ELSEWHERE,
  RequestTimeTooSkewed: "the clock of this machine is wrong",
  NotImplemented:
    "S3 does not know something that was asked of it; if that is checksums, set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED",
  TimeoutError: "S3 does not answer",
  AbortError: "S3 took too long",
};

/** The same for answers without a body, which have no code. */
const ADVICE_BY_STATUS: Readonly<Record<number, string>> = { 301: ELSEWHERE, 403: DENIED };

/**
 * Says in one line what went wrong, for whoever runs the server.
 *
 * @param what goes on after "Could not"
 */
export function explain(what: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError(`Could not ${what}: ${reasonOf(error)}`, { cause: error });
}

/** The code of an answer of S3, as `NoSuchKey`, or the name of another error. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

/** The status of an answer of S3; `undefined` when there was none. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const status = statusOf(error);
  const advice = ADVICE[error.name] ?? ADVICE_BY_STATUS[status ?? 0];
  if (advice !== undefined) return advice;
  if (status !== undefined) return `S3 answered ${status} ${error.name}: ${error.message}`;
  // A name that resolves to several addresses gives an error without a message when none answers.
  return error.message || error.name;
}
