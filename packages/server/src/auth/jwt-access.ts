import {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type Attempt,
  checkTokenLength,
} from "./access.ts";
import { accessOfClaims } from "./room-token.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Whoever has a room token may enter: a JWT that says which rooms it is for. */
export class JwtAccess implements AccessControl {
  readonly #verifier: TokenVerifier;

  /** @param verifier is closed with this */
  constructor(verifier: TokenVerifier) {
    this.#verifier = verifier;
  }

  async authorize({ room, token }: Attempt): Promise<Access> {
    if (token === undefined) throw new AccessDeniedError("unauthenticated", "a token is needed");
    checkTokenLength(token);
    const { claims, isProvisional } = await this.#verifier.verify(token);
    const access = accessOfClaims(claims, room);
    return isProvisional ? { ...access, isProvisional } : access;
  }

  /** Answers are not kept, but keys are; they are the same for all rooms. */
  forget(): void {
    this.#verifier.forget();
  }

  close(): void {
    this.#verifier.close();
  }
}
