import { errors, type JWTPayload, type JWTVerifyOptions } from "jose";
import { reasonOf } from "../runtime/reason.ts";
import { AccessDeniedError, AccessUnavailableError } from "./access.ts";
import { CLOCK_TOLERANCE_S } from "./token-claims.ts";

/** The claims of a token with a valid signature. */
export interface VerifiedToken {
  readonly claims: JWTPayload;
  /** Whether the token was verified with keys that may have been withdrawn since. */
  readonly isProvisional: boolean;
}

/** Verifies the signature of a JWT, and its times if it has any. */
export interface TokenVerifier {
  /**
   * @throws AccessDeniedError
   * @throws AccessUnavailableError if the keys are unavailable
   */
  verify(token: string): Promise<VerifiedToken>;

  /** Fetches current keys for later calls; while they are unavailable, the last known keys are used. */
  forget(): void;

  /** Aborts pending calls. */
  close(): void;
}

/** How the time claims of room tokens are verified, if present. */
export const TIMES: JWTVerifyOptions = { clockTolerance: CLOCK_TOLERANCE_S };

/** Classifies a failed verification: denied if the token is at fault, otherwise the keys are unavailable. */
export function accessErrorOf(error: unknown): AccessDeniedError | AccessUnavailableError {
  const reason = reasonToDeny(error);
  // No cause: it holds the claims, and errors are logged.
  if (reason !== null) return new AccessDeniedError("unauthenticated", reason);
  const message = reasonOf(error);
  return new AccessUnavailableError(`no keys to verify the token: ${message}`, { cause: error });
}

function reasonToDeny(error: unknown): string | null {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === "nbf" && error.reason === "check_failed") {
      return "the token is not valid yet";
    }
    return `the token's claim ${error.claim} is missing or invalid`;
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
    return "the token does not name the key that signed it (kid)";
  }
  if (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported
  ) {
    return "the token is not a signed JWT, or uses unsupported features";
  }
  return null;
}
