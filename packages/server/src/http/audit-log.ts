import type { Logger } from "pino";
import { TokenBucket } from "../auth/token-bucket.ts";

/** Average rate at which wrong tokens are logged; bursts may be twice that. */
const WRONG_PER_SECOND = 1;

/**
 * Logs the actions of administrators, and attempts with wrong tokens. In each line, the field `audit`
 * names the action and `address` the client.
 */
export class AuditLog {
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
