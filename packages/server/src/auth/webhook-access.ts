import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type Attempt,
  checkTokenLength,
} from "./access.ts";
import { FairLimit } from "./fair-limit.ts";
import { serviceUrl } from "./service-url.ts";
import { askApplication, type WebhookAnswer } from "./webhook-question.ts";

const TIMEOUT_MS = 3_000;
const MAX_ANSWERS = 10_000;
const LIMITS = { atOnce: 40, reserved: 8, waiting: 2_000, waitMs: 5_000 };

const MESSAGES = {
  unauthenticated: "the application rejected the token",
  forbidden: "the application denied access to this room",
};

/** Lets the application decide over HTTP, and caches its responses for a short time. */
export class WebhookAccess implements AccessControl {
  readonly #url: URL;
  readonly #closing: AbortController = new AbortController();
  readonly #limit: FairLimit = new FairLimit(LIMITS);
  readonly #answers: LRUCache<string, WebhookAnswer> = new LRUCache({ max: MAX_ANSWERS });
  /** Requests in progress, shared by identical attempts. */
  readonly #asked: Map<string, Promise<WebhookAnswer>> = new Map();

  /**
   * @param url as in `AUTH_WEBHOOK_URL`
   * @throws ConfigError
   */
  constructor(url: string) {
    this.#url = serviceUrl("AUTH_WEBHOOK_URL", url);
  }

  async authorize(attempt: Attempt): Promise<Access> {
    if (attempt.token !== undefined) checkTokenLength(attempt.token);
    const { verdict } = await this.#answer(attempt);
    if (typeof verdict === "string") throw new AccessDeniedError(verdict, MESSAGES[verdict]);
    return verdict;
  }

  forget(room: string): void {
    const prefix = keyPrefix(room);
    for (const entries of [this.#answers, this.#asked]) {
      for (const key of entries.keys()) {
        if (key.startsWith(prefix)) entries.delete(key);
      }
    }
  }

  close(): void {
    this.#closing.abort(new Error("the server is shutting down"));
  }

  #answer(attempt: Attempt): WebhookAnswer | Promise<WebhookAnswer> {
    const key = cacheKeyOf(attempt);
    const known = this.#answers.get(key);
    if (known !== undefined && Date.now() < known.freshUntil) return known;
    const asked = this.#asked.get(key) ?? this.#ask(key, attempt);
    this.#asked.set(key, asked);
    return asked;
  }

  #ask(key: string, attempt: Attempt): Promise<WebhookAnswer> {
    const answer = this.#limit.run(attempt, () => {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#closing.signal]);
      return askApplication(this.#url, attempt, signal);
    });
    // If the room has been forgotten since, the response is stale, and there may be a newer request.
    const settle = (result?: WebhookAnswer) => {
      if (this.#asked.get(key) !== answer) return;
      this.#asked.delete(key);
      if (result !== undefined) this.#answers.set(key, result);
    };
    answer.then(settle, () => settle());
    return answer;
  }
}

/** The newline is unambiguous: room names contain no control characters. */
function keyPrefix(room: string): string {
  return `${room}\n`;
}

/**
 * Covers everything in the request, including the address, which the application may decide by. The token
 * is hashed, so that memory holds neither long tokens nor the tokens themselves.
 */
function cacheKeyOf({ room, token, address }: Attempt): string {
  const digest = token === undefined ? "" : createHash("sha256").update(token).digest("base64");
  return `${keyPrefix(room)}${address}\n${digest}`;
}
