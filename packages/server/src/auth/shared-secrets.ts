import { createSecretKey, type KeyObject } from "node:crypto";
import { errors, jwtVerify } from "jose";
import { ConfigError } from "../runtime/config-error.ts";
import { AccessDeniedError } from "./access.ts";
import { accessErrorOf, TIMES, type TokenVerifier, type VerifiedToken } from "./token-verifier.ts";

/** As long as the digest: whoever has a token can try secrets against it. */
const MIN_SECRET_BYTES = 32;

/** Verifies tokens with secrets that the application has as well (HS256). */
export class SharedSecrets implements TokenVerifier {
  readonly #keys: readonly KeyObject[];

  /**
   * @param secrets as in `AUTH_JWT_SECRET`: one, or several with commas between them, each of which
   *   is accepted: to replace a secret, add the new one, use it, and remove the old one
   * @throws ConfigError when one is too short
   */
  constructor(secrets: string) {
    this.#keys = secrets.split(",").map((secret) => {
      const bytes = Buffer.from(secret);
      if (bytes.length < MIN_SECRET_BYTES) {
        throw new ConfigError(
          `AUTH_JWT_SECRET: a secret of ${bytes.length} bytes can be guessed; it must have at least ` +
            `${MIN_SECRET_BYTES}, and no comma, which separates secrets`,
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
