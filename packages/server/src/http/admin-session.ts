import { createHmac, timingSafeEqual } from "node:crypto";

export const SESSION_COOKIE = "symphony_session";

/** How long a session is valid, in seconds. */
export const SESSION_SECONDS: number = 12 * 60 * 60;

/**
 * Sessions of people who have shown the admin token. Their value is a time and a signature with the
 * token as the key: every server of a cluster knows it, and none keeps anything.
 */
export class AdminSessions {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** The value of a new session's cookie. */
  begin(now: number): string {
    const expires = String(now + SESSION_SECONDS * 1_000);
    return `${expires}.${this.#sign(expires)}`;
  }

  /** Whether this is the value of a session that is valid now. */
  isValid(value: string, now: number): boolean {
    const [expires = "", signature = ""] = value.split(".");
    const given = Buffer.from(signature);
    const right = Buffer.from(this.#sign(expires));
    if (given.length !== right.length || !timingSafeEqual(given, right)) return false;
    return Number(expires) > now;
  }

  #sign(expires: string): string {
    return createHmac("sha256", this.#token).update(`session ${expires}`).digest("base64url");
  }
}
