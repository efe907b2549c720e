import type { Logger } from "pino";
import type { Metadata } from "../storage/metadata.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Adds up activity, and forgets it and connections after some time: once an hour. */
export class Retention {
  readonly #metadata: Metadata;
  readonly #days: number;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout;
  #closed = false;

  /** @param days how long activity, and connections that ended, are kept */
  constructor(metadata: Metadata, days: number, logger: Logger) {
    this.#metadata = metadata;
    this.#days = days;
    this.#logger = logger;
    // Soon: servers that are often started again must not fall behind.
    this.#timer = setTimeout(() => void this.#run(), MINUTE_MS);
  }

  /** What was begun goes on until the metadata is closed. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    const now = Date.now();
    const before = now - this.#days * DAY_MS;
    await this.#try("activity cannot be added up", async () => {
      // Servers still write the last figures of an hour that has just ended.
      await this.#metadata.rollUpActivity(now - MINUTE_MS);
    });
    await this.#try("old activity cannot be forgotten", async () => {
      await this.#metadata.forgetActivity(before);
    });
    await this.#try("old connections cannot be forgotten", async () => {
      const count = await this.#metadata.forgetConnections(before);
      if (count > 0) this.#logger.info({ count }, "old connections are forgotten");
    });
    await this.#try("old tombstones cannot be forgotten", () =>
      this.#metadata.forgetTombstones(now),
    );
    if (!this.#closed) this.#timer = setTimeout(() => void this.#run(), HOUR_MS);
  }

  async #try(failure: string, work: () => Promise<void>): Promise<void> {
    if (this.#closed) return;
    try {
      await work();
    } catch (error) {
      if (!this.#closed) this.#logger.warn({ err: error }, failure);
    }
  }
}
