import type { Logger } from "pino";
import { Repeater } from "../runtime/repeater.ts";
import { within } from "../runtime/time-limit.ts";
import type { Metadata } from "../storage/metadata.ts";
import type { RoomTable } from "./room-table.ts";

/** How often tombstones are read, as a server may have missed the notification of a deletion. */
const INTERVAL_MS = 10_000;
/** How long a server waits for the first read before it opens rooms. */
const FIRST_MS = 2_000;

/** Keeps a server from opening rooms that were deleted while it was down or could not be notified. */
export class TombstoneReader {
  readonly #metadata: Pick<Metadata, "tombstones">;
  readonly #rooms: Pick<RoomTable, "closeDeleted">;
  readonly #logger: Logger;
  readonly #reads: Repeater = new Repeater(() => this.#read());
  #failing = false;

  constructor(
    metadata: Pick<Metadata, "tombstones">,
    rooms: Pick<RoomTable, "closeDeleted">,
    logger: Logger,
  ) {
    this.#metadata = metadata;
    this.#rooms = rooms;
    this.#logger = logger;
  }

  /** Starts reading tombstones. Resolves after the first read, or after two seconds. Does not reject. */
  async start(): Promise<void> {
    await within(FIRST_MS, this.#reads.run());
  }

  close(): void {
    void this.#reads.close();
  }

  async #read(): Promise<number> {
    const readAt = Date.now();
    try {
      this.#rooms.closeDeleted(await this.#metadata.tombstones(readAt), readAt);
      this.#failing = false;
    } catch (error) {
      if (!this.#reads.isClosed && !this.#failing) {
        this.#logger.warn({ err: error }, "reading tombstones of deleted rooms failed, retrying");
      }
      this.#failing = true;
    }
    return INTERVAL_MS;
  }
}
