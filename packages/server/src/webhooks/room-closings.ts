import type { Logger } from "pino";

/** The rest of the cluster. */
export interface RestOfCluster {
  /** Which of these rooms other servers hold. Rejects when nobody can say. */
  held(rooms: readonly string[]): Promise<ReadonlySet<string>>;
  close(): void;
}

export interface RoomClosingsOptions {
  /** Whether this server holds a room. */
  readonly holds: (room: string) => boolean;
  /** Closed by `close`. */
  readonly others: RestOfCluster;
  /** Nobody held the room any more, by the time `at` or soon after. */
  readonly onClosed: (room: string, at: number) => void;
  readonly logger: Logger;
}

/**
 * Finds out whether a room that this server has let go was let go by the last one. When two servers let
 * it go at the same time, each may find that it was the last.
 */
export class RoomClosings {
  readonly #options: RoomClosingsOptions;
  #left: Map<string, number> = new Map();
  #asking: Promise<void> | undefined;

  constructor(options: RoomClosingsOptions) {
    this.#options = options;
  }

  /** Asks the others soon; for many rooms at once while they are being asked. */
  letGo(room: string): void {
    this.#left.set(room, Date.now());
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
  }

  /** Waits for what is being asked. Does not reject. */
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
        logger.warn({ err: error }, "nobody can say who holds rooms; they are told as closed");
      }
      for (const [room, at] of left) if (!held.has(room) && !holds(room)) onClosed(room, at);
    }
  }
}
