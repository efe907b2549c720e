import {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type Attempt,
  checkTokenLength,
} from "./access.ts";
import { accessOfClaims } from "./token-claims.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Admits clients with a room token: a JWT that names the rooms it is valid for. */
export class JwtAccess implements AccessControl {
  readonly #verifier: TokenVerifier;

  /** @param verifier closed together with this object */
  constructor(verifier: TokenVerifier) {
    this.#verifier = verifier;
  }

  async authorize({ room, token }: Attempt): Promise<Access> {
    if (token === undefined) throw new AccessDeniedError("unauthenticated", "a token is required");
    checkTokenLength(token);
    const { claims, isProvisional } = await this.#verifier.verify(token);
    const access = accessOfClaims(claims, room);
    return isProvisional ? { ...access, isProvisional } : access;
  }

  /** Decisions are not cached, only keys, which are the same for all rooms. */
  forget(): void {
    this.#verifier.forget();
  }

  close(): void {
    this.#verifier.close();
  }
}
