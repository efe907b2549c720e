import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { Logger } from "pino";
import { clientAddress } from "../auth/client-address.ts";
import { TokenBucket } from "../auth/token-bucket.ts";
import type { ApiEnv } from "../runtime/http/api-hono.ts";
import { FailedAttempts } from "../runtime/http/failed-attempts.ts";
import { SecretCheck } from "../runtime/http/secret-check.ts";
import type { AdminSessionStore } from "../storage/metadata.ts";
import { AdminSessions, SESSION_COOKIE } from "./admin-session.ts";
import { ApiProblem } from "./api/problems.ts";
import { isFromOtherSite, isFromThisMachine } from "./request-origin.ts";

/** Average rate at which wrong tokens are logged; bursts may be twice that. */
const WRONG_PER_SECOND = 1;

export type HttpContext = Context<ApiEnv>;

/** Decides which requests have administrator access. */
export interface AdminGate {
  /** True if requests need a token; false if they must come from this machine. */
  readonly needsToken: boolean;

  /** Resolves if the request may pass. @throws ApiProblem with 401, 403 or 429 if it may not */
  check(c: HttpContext): Promise<void>;

  /** Whether a request that passed would still pass: its session may have ended. Does not reject. */
  mayGoOn(c: HttpContext): Promise<boolean>;

  /**
   * Begins a session for a client that presents a token.
   *
   * @returns the value of the session cookie
   * @throws ApiProblem if the token is wrong
   */
  begin(token: string, c: HttpContext): Promise<string>;

  /** Ends the request's session on all servers. @throws StorageError if that cannot be confirmed */
  end(c: HttpContext): Promise<void>;

  /** Writes an administrator's action to the audit log. */
  audit(action: string, c: HttpContext, details?: Readonly<Record<string, unknown>>): void;
}

export interface AdminGateOptions {
  /** ADMIN_TOKEN; without it only requests from this machine pass. */
  readonly token: string | undefined;
  /** Number of proxies in front, as for `clientAddress`. */
  readonly proxies: number;
  /** Where sessions are stored; without it, they live in this process only. */
  readonly sessions?: AdminSessionStore | undefined;
  readonly logger: Logger;
}

export function adminGate(options: AdminGateOptions): AdminGate {
  return options.token === undefined
    ? new LocalGate(options)
    : new TokenGate(options.token, options);
}

/** Whether a request has administrator access, for routes that anyone may call. */
export async function passes(gate: AdminGate, c: HttpContext): Promise<boolean> {
  try {
    await gate.check(c);
    return true;
  } catch (error) {
    if (error instanceof ApiProblem) return false;
    throw error;
  }
}

abstract class AuditedGate {
  readonly #proxies: number;
  protected readonly auditLog: AuditLog;

  constructor({ proxies, logger }: AdminGateOptions) {
    this.#proxies = proxies;
    this.auditLog = new AuditLog(logger);
  }

  audit(action: string, c: HttpContext, details?: Readonly<Record<string, unknown>>): void {
    this.auditLog.write(action, this.addressOf(c), details);
  }

  protected addressOf({ env }: HttpContext): string {
    return clientAddress(env.incoming, this.#proxies);
  }
}

/** Without a token, only requests from this machine pass. */
class LocalGate extends AuditedGate implements AdminGate {
  readonly needsToken = false;

  async check(c: HttpContext): Promise<void> {
    if (!isFromThisMachine(c.req, c.env.incoming.socket.remoteAddress)) {
      throw new ApiProblem(
        403,
        "without ADMIN_TOKEN, only requests to localhost from the same machine are allowed; set ADMIN_TOKEN",
      );
    }
    refuseOtherSites(c);
  }

  async mayGoOn(): Promise<boolean> {
    return true;
  }

  async begin(_token: string, c: HttpContext): Promise<string> {
    await this.check(c);
    throw new ApiProblem(400, "ADMIN_TOKEN is not set, so no session is needed");
  }

  async end(): Promise<void> {}
}

/** Requests pass with the token, or with a session begun with it. */
class TokenGate extends AuditedGate implements AdminGate {
  readonly needsToken = true;
  readonly #expected: SecretCheck;
  readonly #sessions: AdminSessions;
  readonly #failed: FailedAttempts = new FailedAttempts();

  constructor(token: string, options: AdminGateOptions) {
    super(options);
    this.#expected = new SecretCheck(token);
    this.#sessions = new AdminSessions(token, options.sessions, options.logger);
  }

  async check(c: HttpContext): Promise<void> {
    const token = tokenOf(c);
    if (token !== undefined) {
      this.#checkToken(token, c, "header");
    } else if (await this.#hasSession(c)) {
      refuseOtherSites(c);
    } else {
      throw new ApiProblem(
        401,
        "send ADMIN_TOKEN as `Authorization: Bearer …`, or begin a session",
      );
    }
  }

  async mayGoOn(c: HttpContext): Promise<boolean> {
    if (tokenOf(c) !== undefined) return true;
    return this.#sessions.isValid(getCookie(c, SESSION_COOKIE) ?? "", Date.now());
  }

  async begin(token: string, c: HttpContext): Promise<string> {
    this.#checkToken(token, c, "sign-in");
    const value = await this.#sessions.begin(Date.now());
    this.audit("sign-in", c);
    return value;
  }

  async end(c: HttpContext): Promise<void> {
    const value = getCookie(c, SESSION_COOKIE) ?? "";
    if (!this.#sessions.isKnown(value, Date.now()) && !(await this.#hasSession(c))) return;
    await this.#sessions.end(value);
    this.audit("sign-out", c);
  }

  /** @throws ApiProblem if this address has tried too many wrong tokens or sessions */
  async #hasSession(c: HttpContext): Promise<boolean> {
    const value = getCookie(c, SESSION_COOKIE);
    if (value === undefined) return false;
    const now = Date.now();
    const isKnown = this.#sessions.isKnown(value, now);
    // A signed-in client stays signed in, even if others at its address are blocked for guessing.
    if (!isKnown) this.#refuseIfBlocked(c, now);
    if (await this.#sessions.isValid(value, now)) return true;
    // If this server knew the session, it has ended or expired: not a guess.
    if (!isKnown) this.#failed.add(this.addressOf(c), now);
    if (!isKnown) this.auditLog.wrongToken(this.addressOf(c), "cookie");
    return false;
  }

  #checkToken(token: string, c: HttpContext, carrier: string): void {
    const address = this.addressOf(c);
    const now = Date.now();
    // A blocked address is refused even with the right token; otherwise the response would confirm it.
    this.#refuseIfBlocked(c, now);
    if (this.#expected.matches(token)) return;
    this.#failed.add(address, now);
    this.auditLog.wrongToken(address, carrier);
    throw new ApiProblem(401, "the token does not match the server's ADMIN_TOKEN");
  }

  #refuseIfBlocked(c: HttpContext, now: number): void {
    const address = this.addressOf(c);
    if (!this.#failed.isBlocked(address, now)) return;
    throw new ApiProblem(429, `too many wrong tokens from ${address}; try again in a minute`);
  }
}

function tokenOf(c: HttpContext): string | undefined {
  return /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}

/** Any page can make a browser send requests, which carry its cookie or come from this machine. */
function refuseOtherSites(c: HttpContext): void {
  if (isFromOtherSite(c.req))
    throw new ApiProblem(403, "the request came from another origin's page");
}

/**
 * Logs the actions of administrators, and attempts with wrong tokens. In each line, the field `audit`
 * names the action and `address` the client.
 */
class AuditLog {
  readonly #logger: Logger;
  readonly #wrong: TokenBucket = new TokenBucket(WRONG_PER_SECOND, performance.now());
  #unlogged = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param action such as `sign-in` or `delete-room` */
  write(action: string, address: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#logger.info({ audit: action, address, ...details }, "audit");
  }

  /** Guesses may come by the thousand, so only some are logged, with the number skipped since. */
  wrongToken(address: string, carrier: string): void {
    if (!this.#wrong.take(performance.now())) {
      this.#unlogged++;
      return;
    }
    const details = { carrier, ...(this.#unlogged > 0 ? { unlogged: this.#unlogged } : {}) };
    this.#unlogged = 0;
    this.#logger.warn({ audit: "wrong-token", address, ...details }, "audit");
  }
}
