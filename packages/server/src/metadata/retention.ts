import type { Logger } from "pino";
import { Repeater } from "../runtime/repeater.ts";
import type { Metadata } from "../storage/metadata.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Once an hour, aggregates activity and deletes expired activity, connections and tombstones. */
export class Retention {
  readonly #metadata: Metadata;
  readonly #days: number;
  readonly #logger: Logger;
  readonly #runs: Repeater;

  /** @param days how long activity and ended connections are kept */
  constructor(metadata: Metadata, days: number, logger: Logger) {
    this.#metadata = metadata;
    this.#days = days;
    this.#logger = logger;
    // The first run is soon, so that servers that are often restarted do not fall behind.
    this.#runs = new Repeater(() => this.#run());
    this.#runs.startIn(MINUTE_MS);
  }

  /** Starts no further work. A call in progress continues until the metadata is closed. */
  close(): void {
    void this.#runs.close();
  }

  async #run(): Promise<number> {
    const now = Date.now();
    const before = now - this.#days * DAY_MS;
    await this.#try("aggregating activity failed", async () => {
      // Servers may still be writing the last figures of an hour that has just ended.
      await this.#metadata.rollUpActivity(now - MINUTE_MS);
    });
    await this.#try("deleting old activity failed", async () => {
      await this.#metadata.forgetActivity(before);
    });
    await this.#try("deleting old connections failed", async () => {
      const count = await this.#metadata.forgetConnections(before);
      if (count > 0) this.#logger.info({ count }, "deleted old connections");
    });
    await this.#try("deleting old tombstones failed", () => this.#metadata.forgetTombstones(now));
    return HOUR_MS;
  }

  async #try(failure: string, work: () => Promise<void>): Promise<void> {
    if (this.#runs.isClosed) return;
    try {
      await work();
    } catch (error) {
      if (!this.#runs.isClosed) this.#logger.warn({ err: error }, failure);
    }
  }
}
