import type { Logger } from "pino";
import { BatchWriter } from "../runtime/batch-writer.ts";
import type { Metadata, MetadataEvent } from "../storage/metadata.ts";

const DELAY_MS = 250;

/** Writes metadata off the hot path. Events that cannot be written at shutdown are dropped. */
export class MetadataWriter {
  readonly #writer: BatchWriter<MetadataEvent>;

  constructor(metadata: Pick<Metadata, "record">, logger: Logger) {
    this.#writer = new BatchWriter({
      delay: DELAY_MS,
      write: (events) => metadata.record(events),
      onFailing: (error) => logger.error({ err: error }, "writing metadata failed, retrying"),
    });
  }

  add(event: MetadataEvent): void {
    this.#writer.add(event);
  }

  /** Writes pending events once; those that cannot be written are dropped. Does not reject. */
  async close(): Promise<void> {
    await this.#writer.close();
  }
}
