import type { Logger } from "pino";
import { misspelt } from "../runtime/nearest-name.ts";
import { resultWithin } from "../runtime/time-limit.ts";
import {
  ACCESS_LEVELS,
  type Access,
  type AccessControl,
  AccessDeniedError,
  AccessUnavailableError,
  type Attempt,
  type Authorize,
} from "./access.ts";
import { FairLimit } from "./fair-limit.ts";

/** How long an application may take to decide on an attempt. */
const ANSWER_MS = 10_000;
const LIMITS = { atOnce: 256, reserved: 64, waiting: 10_000, waitMs: 5_000 };

/**
 * Access control passed by the application. Its decisions are validated and limited in time: if it fails in
 * any way other than by denying access, the client is not admitted.
 */
export class CustomAccess implements AccessControl {
  readonly #given: AccessControl;
  readonly #logger: Logger;
  readonly #answerMs: number;
  readonly #limit: FairLimit = new FairLimit(LIMITS);

  constructor(given: AccessControl | Authorize, logger: Logger, answerMs: number = ANSWER_MS) {
    this.#given =
      typeof given === "function"
        ? { authorize: async (attempt) => given(attempt), forget() {}, close() {} }
        : given;
    this.#logger = logger;
    this.#answerMs = answerMs;
  }

  async authorize(attempt: Attempt): Promise<Access> {
    const { room } = attempt;
    try {
      return await this.#limit.run(attempt, async () => {
        const answer = await resultWithin(this.#answerMs, this.#ask(attempt));
        if (answer !== null) return checkedAccess(answer.value);
        throw new AccessUnavailableError(`access did not settle within ${this.#answerMs} ms`);
      });
    } catch (error) {
      if (error instanceof AccessDeniedError) throw error;
      this.#logger.error({ room, err: error }, "access decision failed, client not admitted");
      if (error instanceof AccessUnavailableError) throw error;
      throw new AccessUnavailableError("access failed", { cause: error });
    }
  }

  forget(room: string): void {
    try {
      this.#given.forget(room);
    } catch (error) {
      this.#logger.error({ room, err: error }, "access.forget failed");
    }
  }

  close(): void {
    try {
      this.#given.close();
    } catch (error) {
      this.#logger.error({ err: error }, "access.close failed");
    }
  }

  /** Async, so that an exception from the application becomes a rejection. */
  async #ask(attempt: Attempt): Promise<Access> {
    return this.#given.authorize(attempt);
  }
}

/** Validates a decision: the application may be untyped JavaScript. */
function checkedAccess(access: Access | undefined): Access {
  const { subject = null, level, expiresAt = null } = access ?? {};
  // Ignoring a misspelt `expires` would grant access forever.
  const wrong = misspelt(access ?? {}, ["subject", "level", "expiresAt"]);
  if (wrong !== undefined) throw new TypeError(`access returned an invalid result: ${wrong}`);
  const isRight =
    level !== undefined &&
    ACCESS_LEVELS.includes(level) &&
    (subject === null || typeof subject === "string") &&
    (expiresAt === null || typeof expiresAt === "number");
  if (isRight) return { subject, level, expiresAt };
  throw new TypeError(
    `access returned an invalid result; level must be one of ${ACCESS_LEVELS.join(", ")}`,
  );
}
