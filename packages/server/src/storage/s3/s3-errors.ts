import { S3ServiceException } from "@aws-sdk/client-s3";
import { reasonOf } from "../../runtime/reason.ts";
import { StorageError } from "../errors.ts";

const DENIED =
  "access is denied; check the credentials, and that they allow listing the bucket and getting, putting and deleting objects";
const ELSEWHERE = "the bucket is in another region; check AWS_REGION";

/** Explanations and advice, by error code. */
const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: "the bucket does not exist; run symphony-backend setup, or check S3_BUCKET",
  BucketAlreadyExists: "the name is taken by another account; choose another S3_BUCKET",
  InvalidBucketName: "the bucket name is not valid; check S3_BUCKET",
  AccessDenied: DENIED,
  InvalidAccessKeyId: "the access key is unknown; check AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "the signature does not match; check AWS_SECRET_ACCESS_KEY",
  CredentialsProviderError: "no credentials were found; set AWS_ACCESS_KEY_ID, or use a role",
  PermanentRedirect: ELSEWHERE,
  AuthorizationHeaderMalformed: ELSEWHERE,
  RequestTimeTooSkewed: "the clock of this machine is wrong",
  NotImplemented:
    "this S3 server does not support the request; if checksums are the reason, set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED",
  TimeoutError: "S3 is not responding",
  AbortError: "S3 took too long",
};

/** The same for responses without a body, which have no code. */
const ADVICE_BY_STATUS: Readonly<Record<number, string>> = { 301: ELSEWHERE, 403: DENIED };

/**
 * Wraps an error with a one-line explanation for the operator.
 *
 * @param what continues "Could not"
 */
export function explain(what: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError(`Could not ${what}: ${explanationOf(error)}`, { cause: error });
}

/** Returns the code of an S3 error, such as `NoSuchKey`, or the name of any other error. */
export function codeOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

/** Returns the HTTP status of an S3 error, or `undefined` if there was no response. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function explanationOf(error: unknown): string {
  if (!(error instanceof Error)) return reasonOf(error);
  const status = statusOf(error);
  const advice = ADVICE[error.name] ?? ADVICE_BY_STATUS[status ?? 0];
  if (advice !== undefined) return advice;
  if (status !== undefined) return `S3 responded with ${status} ${error.name}: ${error.message}`;
  return reasonOf(error) || error.name;
}
