import { errors, type JWTPayload, type JWTVerifyOptions } from "jose";
import { AccessDeniedError, AccessUnavailableError } from "./access.ts";
import { CLOCK_TOLERANCE_S } from "./room-token.ts";

/** The claims of a token whose signature is right. */
export interface VerifiedToken {
  readonly claims: JWTPayload;
  /** Whether it was verified with keys that may have been withdrawn since. */
  readonly isProvisional: boolean;
}

/** Verifies the signature of a JWT, and its times if it has any. */
export interface TokenVerifier {
  /**
   * @throws AccessDeniedError
   * @throws AccessUnavailableError when the keys cannot be had
   */
  verify(token: string): Promise<VerifiedToken>;

  /** Verifies with the keys that hold now, from now on; with the last known ones while none can be had. */
  forget(): void;

  /** Gives up what is under way. */
  close(): void;
}

/** How the times of every room token are verified, where it has them. */
export const TIMES: JWTVerifyOptions = { clockTolerance: CLOCK_TOLERANCE_S };

/** Says whether a failed verification is the token's fault. What is not must be that of the keys. */
export function accessErrorOf(error: unknown): AccessDeniedError | AccessUnavailableError {
  const reason = reasonToDeny(error);
  // Without the cause: that holds the claims, and errors are logged.
  if (reason !== null) return new AccessDeniedError("unauthenticated", reason);
  const message = error instanceof Error ? error.message : String(error);
  return new AccessUnavailableError(`no keys to verify a token with: ${message}`, { cause: error });
}

function reasonToDeny(error: unknown): string | null {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "nbf" && error.reason === "check_failed") {
      return "the token is not valid yet";
    }
    return `the token's claim ${error.claim} is missing or not valid`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return "the token is signed with an algorithm that is not accepted";
  }
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey
  ) {
    return "the token is not signed with an accepted key";
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return "the token does not say with which key it is signed (kid)";
  }
  if (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported
  ) {
    return "the token is not a signed JWT, or uses what is not supported";
  }
  return null;
}
