import type { Logger } from "pino";
import { BatchWriter } from "../metadata/batch-writer.ts";
import type { EventQueue, QueuedEvent } from "../storage/event-queue.ts";
import type { Outbox } from "../storage/outbox.ts";
import type { ApplicationEvent } from "./application-event.ts";
import type { EventStats } from "./webhook-stats.ts";

export interface EventWriterOptions {
  /** This server. */
  readonly server: string;
  readonly queue: Pick<EventQueue, "append" | "trim">;
  readonly outbox: Pick<Outbox, "mark">;
  readonly stats: EventStats;
  readonly logger: Logger;
}

const DELAY_MS = 100;
/** Beyond this many that were not told, the oldest are dropped. */
const MOST = 100_000;
/** So many are written until it is looked whether that are too many. */
const TRIM_EVERY = 1_000;

/** Writes the events of this server into the queue, in their order, off the hot path. */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #writer: BatchWriter<QueuedEvent>;
  /** Larger than those of an earlier run at the same address. */
  #sequence = Date.now() * 1_000;
  #untrimmed = 0;

  constructor(options: EventWriterOptions) {
    const { stats, logger } = options;
    this.#options = options;
    this.#writer = new BatchWriter({
      delay: DELAY_MS,
      write: (events) => this.#write(events),
      onFailing: (error) => logger.error({ err: error }, "events cannot be written; trying again"),
      onDropped: (count) => {
        stats.dropped += count;
      },
    });
  }

  add(event: ApplicationEvent): void {
    this.#sequence++;
    this.#writer.add({ sequence: this.#sequence, event: JSON.stringify(event) });
  }

  /** Writes what there is, once; what cannot be written is dropped. Does not reject. */
  async close(): Promise<void> {
    const count = await this.#writer.close();
    if (count === 0) return;
    this.#options.stats.dropped += count;
    this.#options.logger.error({ count }, "events are lost: they could not be written");
  }

  async #write(events: readonly QueuedEvent[]): Promise<void> {
    const { server, queue, outbox, stats } = this.#options;
    await queue.append(server, events);
    const now = Date.now();
    await outbox.mark("events", [{ key: server, first: now, due: now }], 0);
    this.#untrimmed += events.length;
    if (this.#untrimmed < TRIM_EVERY) return;
    this.#untrimmed = 0;
    stats.dropped += await queue.trim(server, MOST);
  }
}
