import { createSecretKey, type KeyObject } from "node:crypto";
import { errors, jwtVerify } from "jose";
import { ConfigError } from "../runtime/config-error.ts";
import { AccessDeniedError } from "./access.ts";
import { accessErrorOf, TIMES, type TokenVerifier, type VerifiedToken } from "./token-verifier.ts";

/** As long as the digest, because anyone with a token can try secrets against it offline. */
const MIN_SECRET_BYTES = 32;

/** Verifies tokens with secrets shared with the application (HS256). */
export class SharedSecrets implements TokenVerifier {
  readonly #keys: readonly KeyObject[];

  /**
   * @param secrets as in `AUTH_JWT_SECRET`: one or several, separated by commas. Each is accepted: to
   *   rotate a secret, add the new one, switch to it, then remove the old one
   * @throws ConfigError if one is too short
   */
  constructor(secrets: string) {
    this.#keys = secrets.split(",").map((secret) => {
      const bytes = Buffer.from(secret);
      if (bytes.length < MIN_SECRET_BYTES) {
        throw new ConfigError(
          `AUTH_JWT_SECRET: a secret of ${bytes.length} bytes is too easy to guess; it must have at least ` +
            `${MIN_SECRET_BYTES} bytes and no comma, which separates secrets`,
        );
      }
      return createSecretKey(bytes);
    });
  }

  async verify(token: string): Promise<VerifiedToken> {
    for (const key of this.#keys) {
      try {
        const { payload } = await jwtVerify(token, key, { ...TIMES, algorithms: ["HS256"] });
        return { claims: payload, isProvisional: false };
      } catch (error) {
        if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw accessErrorOf(error);
      }
    }
    throw new AccessDeniedError("unauthenticated", "the token is not signed with an accepted key");
  }

  forget(): void {}

  close(): void {}
}
