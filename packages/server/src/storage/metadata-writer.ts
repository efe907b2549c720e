import type { Logger } from "pino";
import type { Metadata, MetadataEvent } from "./metadata.ts";

const DELAY_MS = 250;
const RETRY_MS = 2_000;
const BATCH = 1_000;
/** Beyond this many events the oldest are dropped: metadata must not exhaust the memory. */
const MOST = 100_000;

/** Writes metadata off the hot path: in batches, some time later, and again when it fails. */
export class MetadataWriter {
  readonly #metadata: Metadata;
  readonly #logger: Logger;
  #events: MetadataEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(metadata: Metadata, logger: Logger) {
    this.#metadata = metadata;
    this.#logger = logger;
  }

  add(event: MetadataEvent): void {
    if (this.#events.length >= MOST) this.#events.splice(0, BATCH);
    this.#events.push(event);
    this.#later(DELAY_MS);
  }

  /** Writes what there is, once; what cannot be written is dropped. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    while (this.#events.length > 0 && !this.#failing) await this.#write();
    clearTimeout(this.#timer);
  }

  #later(delay: number): void {
    if (this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#events.length > 0) this.#later(this.#failing ? RETRY_MS : DELAY_MS);
      });
    }, delay);
  }

  async #write(): Promise<void> {
    const batch = this.#events.splice(0, BATCH);
    try {
      await this.#metadata.record(batch);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#logger.error({ err: error }, "metadata cannot be written");
      this.#failing = true;
      this.#events.unshift(...batch);
    }
  }
}
