import type { Logger } from "pino";
import { type BackoffBounds, backoff } from "../runtime/backoff.ts";

/** Pauses between attempts to read the stores. */
const RETRY: BackoffBounds = { first: 1_000, longest: 10_000 };

/**
 * Reads from the stores what a replica may lack, once the document is open, and retries until that
 * succeeds. One read at a time; a request during a read causes another one.
 */
export class Recovery {
  readonly #room: string;
  readonly #logger: Logger;
  #dueAt = Number.POSITIVE_INFINITY;
  #failures = 0;
  #isReading = false;

  constructor(room: string, logger: Logger) {
    this.#room = room;
    this.#logger = logger;
  }

  /** The stores may have content that the replica lacks: reads them at the next tick. */
  soon(): void {
    this.#dueAt = 0;
    this.#failures = 0;
  }

  /** @param recover applies whatever the stores have and the replica lacks */
  tick(now: number, recover: () => Promise<void>): void {
    if (now >= this.#dueAt && !this.#isReading) void this.#read(recover);
  }

  async #read(recover: () => Promise<void>): Promise<void> {
    this.#isReading = true;
    // Another read may be requested while this one runs.
    this.#dueAt = Number.POSITIVE_INFINITY;
    try {
      await recover();
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      this.#dueAt = Math.min(this.#dueAt, Date.now() + backoff(this.#failures, RETRY));
      this.#logger.warn({ room: this.#room, err: error }, "reading the stores failed, retrying");
    } finally {
      this.#isReading = false;
    }
  }
}
