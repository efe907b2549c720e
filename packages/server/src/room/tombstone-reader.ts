import type { Logger } from "pino";
import { within } from "../runtime/within.ts";
import type { Metadata } from "../storage/metadata.ts";
import type { RoomTable } from "./room-table.ts";

/** How often it is read which rooms have tombstones: a server may not have been told of a deletion. */
const INTERVAL_MS = 10_000;
/** How long a server waits for that before it opens rooms. */
const FIRST_MS = 2_000;

/** Keeps a server from opening rooms that were deleted while it did not run, or could not be told. */
export class TombstoneReader {
  readonly #metadata: Pick<Metadata, "tombstones">;
  readonly #rooms: Pick<RoomTable, "closeDeleted">;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
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

  /** Reads them, and goes on to do so. Waits for the first time, but not for long. Does not reject. */
  async start(): Promise<void> {
    await within(FIRST_MS, this.#run());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    const readAt = Date.now();
    try {
      this.#rooms.closeDeleted(await this.#metadata.tombstones(readAt), readAt);
      this.#failing = false;
    } catch (error) {
      if (!this.#closed && !this.#failing) {
        this.#logger.warn({ err: error }, "tombstones of deleted rooms cannot be read, retrying");
      }
      this.#failing = true;
    }
    if (!this.#closed) this.#timer = setTimeout(() => void this.#run(), INTERVAL_MS);
  }
}
