import type { Logger } from "pino";
import type { Metadata, MetadataEvent } from "../storage/metadata.ts";
import { BatchWriter } from "./batch-writer.ts";

const DELAY_MS = 250;

/** Writes metadata off the hot path. What cannot be written when the server ends is dropped. */
export class MetadataWriter {
  readonly #writer: BatchWriter<MetadataEvent>;

  constructor(metadata: Pick<Metadata, "record">, logger: Logger) {
    this.#writer = new BatchWriter({
      delay: DELAY_MS,
      write: (events) => metadata.record(events),
      onFailing: (error) => logger.error({ err: error }, "metadata cannot be written"),
    });
  }

  add(event: MetadataEvent): void {
    this.#writer.add(event);
  }

  /** Writes what there is, once; what cannot be written is dropped. Does not reject. */
  async close(): Promise<void> {
    await this.#writer.close();
  }
}
