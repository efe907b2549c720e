import type { Logger } from "pino";
import type { EventStats } from "../metrics/stats.ts";
import type { EventQueue, QueuedEvent } from "../storage/event-queue.ts";
import type { Outbox } from "../storage/outbox.ts";
import type { ApplicationEvent } from "./application-event.ts";

export interface EventWriterOptions {
  /** This server. */
  readonly server: string;
  readonly queue: Pick<EventQueue, "append" | "trim">;
  readonly outbox: Pick<Outbox, "mark">;
  readonly stats: EventStats;
  readonly logger: Logger;
}

const DELAY_MS = 100;
const RETRY_MS = 2_000;
const BATCH = 1_000;
/** Beyond this many that could not be written, the oldest are dropped. */
const MOST_IN_MEMORY = 100_000;
/** Beyond this many that were not told, the oldest are dropped. */
const MOST = 100_000;

/** Writes the events of this server into the queue, in their order: in batches, off the hot path. */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #events: QueuedEvent[] = [];
  /** Larger than those of an earlier run at the same address. */
  #sequence = Date.now() * 1_000;
  #untrimmed = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  add(event: ApplicationEvent): void {
    if (this.#events.length >= MOST_IN_MEMORY) {
      this.#options.stats.dropped += this.#events.splice(0, BATCH).length;
    }
    this.#sequence++;
    this.#events.push({ sequence: this.#sequence, event: JSON.stringify(event) });
    this.#later(DELAY_MS);
  }

  /** Writes what there is, once; what cannot be written is dropped. Does not reject. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    while (this.#events.length > 0 && !this.#failing) await this.#write();
    const { length: count } = this.#events;
    if (count === 0) return;
    this.#options.stats.dropped += count;
    this.#options.logger.error({ count }, "events are lost: they could not be written");
  }

  #later(delay: number): void {
    if (this.#closed || this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#events.length > 0) this.#later(this.#failing ? RETRY_MS : DELAY_MS);
      });
    }, delay);
  }

  async #write(): Promise<void> {
    const { server, queue, outbox, stats, logger } = this.#options;
    const batch = this.#events.slice(0, BATCH);
    const last = batch.at(-1)?.sequence ?? 0;
    try {
      await queue.append(server, batch);
      const now = Date.now();
      await outbox.mark("events", [{ key: server, first: now, due: now }], 0);
      const dropped = this.#events.findIndex(({ sequence }) => sequence > last);
      this.#events.splice(0, dropped === -1 ? this.#events.length : dropped);
      this.#untrimmed += batch.length;
      if (this.#untrimmed >= BATCH) {
        this.#untrimmed = 0;
        stats.dropped += await queue.trim(server, MOST);
      }
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) logger.error({ err: error }, "events cannot be written; trying again");
      this.#failing = true;
    }
  }
}
