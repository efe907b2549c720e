import type { Logger } from "pino";
import type { Metadata } from "./metadata.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Forgets connections that ended long ago, once an hour. */
export class Retention {
  readonly #metadata: Metadata;
  readonly #days: number;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;

  constructor(metadata: Metadata, days: number, logger: Logger) {
    this.#metadata = metadata;
    this.#days = days;
    this.#logger = logger;
    this.#timer = setInterval(() => void this.#forget(Date.now()), HOUR_MS);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #forget(now: number): Promise<void> {
    try {
      const count = await this.#metadata.forgetConnections(now - this.#days * DAY_MS);
      if (count > 0) this.#logger.info({ count }, "old connections are forgotten");
    } catch (error) {
      this.#logger.warn({ err: error }, "old connections cannot be forgotten");
    }
  }
}
