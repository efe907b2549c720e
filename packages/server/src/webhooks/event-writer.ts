import type { Logger } from "pino";
import { BatchWriter } from "../runtime/batch-writer.ts";
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
/** Maximum number of events not yet sent; beyond that the oldest are dropped. */
const MOST = 100_000;
/** Trim the queue after this many writes. */
const TRIM_EVERY = 1_000;

/** Writes this server's events to the queue in order, off the hot path. */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #writer: BatchWriter<QueuedEvent>;
  /** Starts above the sequence numbers of any earlier run at the same address. */
  #sequence = Date.now() * 1_000;
  #untrimmed = 0;

  constructor(options: EventWriterOptions) {
    const { stats, logger } = options;
    this.#options = options;
    this.#writer = new BatchWriter({
      delay: DELAY_MS,
      write: (events) => this.#write(events),
      onFailing: (error) => logger.error({ err: error }, "writing events failed, retrying"),
      onDropped: (count) => {
        stats.dropped += count;
      },
    });
  }

  add(event: ApplicationEvent): void {
    this.#sequence++;
    this.#writer.add({ sequence: this.#sequence, event: JSON.stringify(event) });
  }

  /** Tries once to write the remaining events; drops those that it cannot write. Does not reject. */
  async close(): Promise<void> {
    const count = await this.#writer.close();
    if (count === 0) return;
    this.#options.stats.dropped += count;
    this.#options.logger.error({ count }, "events lost: they could not be written");
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
