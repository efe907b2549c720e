import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import { clientAddress } from "../access/client-address.ts";
import { AdminSessions, SESSION_COOKIE } from "./admin-session.ts";
import type { ApiEnv } from "./api/api-hono.ts";
import { ApiProblem } from "./api/problems.ts";
import { FailedAttempts } from "./failed-attempts.ts";
import { isFromOtherSite, isFromThisMachine } from "./request-origin.ts";
import { SecretCheck } from "./secret-check.ts";

export type HttpContext = Context<ApiEnv>;

/** Decides which requests may see and do everything. */
export interface AdminGate {
  /** Whether a token is needed, or the request must come from this machine. */
  readonly needsToken: boolean;

  /** @throws ApiProblem when the request may not pass: 401, 403 or 429 */
  check(c: HttpContext): void;

  /**
   * Begins a session for somebody who shows a token.
   *
   * @returns the value of the session's cookie
   * @throws ApiProblem when it is not the right token
   */
  begin(token: string, c: HttpContext): string;
}

/** @param proxies how many stand in front of the server, as for `clientAddress` */
export function adminGate(token: string | undefined, proxies: number): AdminGate {
  return token === undefined ? new LocalGate() : new TokenGate(token, proxies);
}

/** Without a token, only people on this machine may pass. */
class LocalGate implements AdminGate {
  readonly needsToken = false;

  check(c: HttpContext): void {
    if (!isFromThisMachine(c.req, c.env.incoming.socket.remoteAddress)) {
      throw new ApiProblem(
        403,
        "without ADMIN_TOKEN only requests to localhost from the same machine are answered; set it",
      );
    }
    refuseOtherSites(c);
  }

  begin(_token: string, c: HttpContext): string {
    this.check(c);
    throw new ApiProblem(400, "ADMIN_TOKEN is not set, so no session is needed");
  }
}

/** Whoever shows the token may pass, or a session that was begun with it. */
class TokenGate implements AdminGate {
  readonly needsToken = true;
  readonly #expected: SecretCheck;
  readonly #proxies: number;
  readonly #sessions: AdminSessions;
  readonly #failed: FailedAttempts = new FailedAttempts();

  constructor(token: string, proxies: number) {
    this.#expected = new SecretCheck(token);
    this.#proxies = proxies;
    this.#sessions = new AdminSessions(token);
  }

  check(c: HttpContext): void {
    const [, token] = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
    if (token !== undefined) {
      this.#checkToken(token, c);
    } else if (this.#sessions.isValid(getCookie(c, SESSION_COOKIE) ?? "", Date.now())) {
      refuseOtherSites(c);
    } else {
      throw new ApiProblem(
        401,
        "send ADMIN_TOKEN as `Authorization: Bearer …`, or begin a session",
      );
    }
  }

  begin(token: string, c: HttpContext): string {
    this.#checkToken(token, c);
    return this.#sessions.begin(Date.now());
  }

  #checkToken(token: string, { env }: HttpContext): void {
    const address = clientAddress(env.incoming, this.#proxies);
    const now = Date.now();
    // Not even a right token is taken then: the answer would tell that it is right.
    if (this.#failed.isBlocked(address, now)) {
      throw new ApiProblem(
        429,
        `too many wrong tokens came from ${address}; try again in a minute`,
      );
    }
    if (this.#expected.matches(token)) return;
    this.#failed.add(address, now);
    throw new ApiProblem(401, "this is not the ADMIN_TOKEN of the server");
  }
}

/** A browser adds its cookie, or that it is on this machine, to what any page makes it send. */
function refuseOtherSites(c: HttpContext): void {
  if (isFromOtherSite(c.req)) throw new ApiProblem(403, "a page of another origin sent this");
}
