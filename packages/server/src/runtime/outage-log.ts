import type { Logger } from "pino";

export interface OutageLogOptions {
  readonly logger: Logger;
  /** What is logged when it begins, such as "snapshots cannot be stored; trying again". */
  readonly failing: string;
  /** What is logged when it is over. */
  readonly working: string;
  readonly level?: "warn" | "error";
}

/**
 * Logs an outage once, however many rooms and attempts it makes fail: when it begins, with the error,
 * and when it is over, with how often it failed and for how long.
 */
export class OutageLog {
  readonly #options: OutageLogOptions;
  #since: number | undefined;
  #failures = 0;
  #reason = "";

  constructor(options: OutageLogOptions) {
    this.#options = options;
  }

  /** Why it fails, or `undefined` when it works. */
  get problem(): string | undefined {
    return this.#since === undefined ? undefined : this.#reason;
  }

  failed(error: unknown, details: Readonly<Record<string, unknown>> = {}): void {
    const { logger, failing, level = "error" } = this.#options;
    this.#failures++;
    this.#reason = error instanceof Error ? error.message : String(error);
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
