import type { Logger } from "pino";

/** The rest of the cluster. */
export interface RestOfCluster {
  /** Which of these rooms other servers hold. Rejects if that cannot be determined. */
  held(rooms: readonly string[]): Promise<ReadonlySet<string>>;
  close(): void;
}

export interface RoomClosingsOptions {
  /** Whether this server holds a room. */
  readonly holds: (room: string) => boolean;
  /** Closed by `close`. */
  readonly others: RestOfCluster;
  /** No server held the room any longer, at the time `at` or soon after. */
  readonly onClosed: (room: string, at: number) => void;
  readonly logger: Logger;
}

/**
 * Determines whether this server was the last to unload a room. If two servers unload it at the same time,
 * each may conclude that it was the last.
 */
export class RoomClosings {
  readonly #options: RoomClosingsOptions;
  #left: Map<string, number> = new Map();
  #asking: Promise<void> | undefined;

  constructor(options: RoomClosingsOptions) {
    this.#options = options;
  }

  /** Asks the other servers. Rooms that arrive while a request is in progress are batched into the next. */
  unloaded(room: string): void {
    this.#left.set(room, Date.now());
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
  }

  /** Waits for requests in progress. Does not reject. */
  async close(): Promise<void> {
    await this.#asking;
    this.#options.others.close();
  }

  async #ask(): Promise<void> {
    const { holds, others, onClosed, logger } = this.#options;
    while (this.#left.size > 0) {
      const left = this.#left;
      this.#left = new Map();
      let held: ReadonlySet<string> = new Set();
      try {
        held = await others.held([...left.keys()]);
      } catch (error) {
        logger.warn(
          { err: error },
          "looking up other holders failed, reporting the rooms as closed",
        );
      }
      for (const [room, at] of left) if (!held.has(room) && !holds(room)) onClosed(room, at);
    }
  }
}
