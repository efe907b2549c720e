import { createHash } from "node:crypto";
import { LruMap } from "../runtime/lru-map.ts";
import {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type Attempt,
  checkTokenLength,
} from "./access.ts";
import { FairLimit } from "./fair-limit.ts";
import { serviceUrl } from "./service-url.ts";
import { type Answer, askApplication } from "./webhook-question.ts";

const TIMEOUT_MS = 3_000;
const MAX_ANSWERS = 10_000;
const LIMITS = { atOnce: 40, reserved: 8, waiting: 2_000, waitMs: 5_000 };

const MESSAGES = {
  unauthenticated: "the application does not accept the token",
  forbidden: "the application does not admit you to this room",
};

/** The application decides: it is asked over HTTP, and its answers are kept for a short time. */
export class WebhookAccess implements AccessControl {
  readonly #url: URL;
  readonly #closing: AbortController = new AbortController();
  readonly #limit: FairLimit = new FairLimit(LIMITS);
  readonly #answers: LruMap<string, Answer> = new LruMap(MAX_ANSWERS);
  /** Questions without an answer yet, for whoever asks the same. */
  readonly #asked: Map<string, Promise<Answer>> = new Map();

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

  #answer(attempt: Attempt): Answer | Promise<Answer> {
    const key = keyOf(attempt);
    const known = this.#answers.get(key);
    if (known !== undefined && Date.now() < known.freshUntil) return known;
    const asked = this.#asked.get(key) ?? this.#ask(key, attempt);
    this.#asked.set(key, asked);
    return asked;
  }

  #ask(key: string, attempt: Attempt): Promise<Answer> {
    const answer = this.#limit.run(attempt, () => {
      const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#closing.signal]);
      return askApplication(this.#url, attempt, signal);
    });
    // A room that was forgotten meanwhile has no use for the answer, and may have a newer question.
    const settle = (result?: Answer) => {
      if (this.#asked.get(key) !== answer) return;
      this.#asked.delete(key);
      if (result !== undefined) this.#answers.set(key, result);
    };
    answer.then(settle, () => settle());
    return answer;
  }
}

/** Room names hold no control characters. */
function keyPrefix(room: string): string {
  return `${room}\n`;
}

/**
 * Everything that the application is asked, the address too: it may decide by that. Of the token
 * there is only a digest, so that neither long tokens nor the tokens themselves are kept in memory.
 */
function keyOf({ room, token, address }: Attempt): string {
  const digest = token === undefined ? "" : createHash("sha256").update(token).digest("base64");
  return `${keyPrefix(room)}${address}\n${digest}`;
}
