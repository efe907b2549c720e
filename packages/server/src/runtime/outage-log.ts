import type { Logger } from "pino";
import { reasonOf } from "./reason.ts";

export interface OutageLogOptions {
  readonly logger: Logger;
  /** Logged when the outage begins, such as "storing snapshots failed, retrying". */
  readonly failing: string;
  /** Logged when the outage is over. */
  readonly working: string;
  readonly level?: "warn" | "error";
}

/**
 * Logs an outage once, regardless of how many rooms and attempts fail: when it begins, with the
 * error, and when it is over, with the number of failures and the duration.
 */
export class OutageLog {
  readonly #options: OutageLogOptions;
  #since: number | undefined;
  #failures = 0;
  #reason = "";

  constructor(options: OutageLogOptions) {
    this.#options = options;
  }

  /** The latest error during an outage, otherwise `undefined`. */
  get problem(): string | undefined {
    return this.#since === undefined ? undefined : this.#reason;
  }

  failed(error: unknown, details: Readonly<Record<string, unknown>> = {}): void {
    const { logger, failing, level = "error" } = this.#options;
    this.#failures++;
    this.#reason = reasonOf(error);
    if (this.#since === undefined) {
      this.#since = Date.now();
      logger[level]({ ...details, err: error }, failing);
    } else {
      logger.debug({ ...details, err: error }, failing);
    }
  }

  worked(): void {
    if (this.#since === undefined) return;
    const seconds = Math.round((Date.now() - this.#since) / 100) / 10;
    this.#options.logger.info({ failures: this.#failures, seconds }, this.#options.working);
    this.#since = undefined;
    this.#failures = 0;
  }
}
