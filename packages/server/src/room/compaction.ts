import type { Base } from "./base.ts";
import { compactWithinBudget } from "./compact-within-budget.ts";
import type { Log } from "./log.ts";
import type { RoomServices } from "./room-services.ts";
import { INLINE_BYTES } from "./update-workers.ts";

/** After a compaction that took longer than this, there is a rest … */
const SHORT_MS = 100;
/** … of this many times as long … */
const REST = 20;
/** … but no longer than this. */
const MAX_REST_MS = 30_000;
/** A longer tail is compacted even during a rest. */
const MAX_ENTRIES = 8 * 1024;

export interface CompactionOptions {
  readonly room: string;
  readonly log: Log;
  readonly services: Pick<RoomServices, "workers" | "compaction">;
  /**
   * The base is about to take up part of the tail: subscribers that can take it are sent it now, while
   * it is still apart from the base.
   */
  readonly onReplace: () => void;
}

/** Moves the durable part of one log's tail into its base: one compaction at a time, in a worker. */
export class CompactionRunner {
  readonly #options: CompactionOptions;
  #running = false;
  #abandon: ((reason: Error) => void) | undefined;
  /** The size of the tail when compacting failed; it is tried again at twice that. */
  #failedAt = 0;
  /** Until then only a tail that has doubled the document is compacted, by `performance.now()`. */
  #restsUntil = 0;

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /**
   * Moves what is durable into the base.
   *
   * @returns the base and the offset below which it holds everything; as they are when a compaction is
   *   under way
   * @throws WorkerError; the reason given to `abandon`
   */
  async run(): Promise<{ readonly base: Base; readonly end: number }> {
    const { room, log, services, onReplace } = this.#options;
    if (this.#running || log.durable === log.baseEnd) return { base: log.base, end: log.baseEnd };
    const { end, updates } = log.compactable();
    this.#running = true;
    const began = performance.now();
    try {
      const base = await new Promise<Base>((resolve, reject) => {
        this.#abandon = reject;
        compactWithinBudget(room, updates, services).then(resolve, reject);
      });
      onReplace();
      log.replaceBase(base, end);
      return { base, end };
    } finally {
      this.#running = false;
      const now = performance.now();
      const took = now - began;
      if (took > SHORT_MS) this.#restsUntil = now + Math.min(REST * took, MAX_REST_MS);
    }
  }

  /** Compacts in the background when the tail has grown large beside the base. */
  runIfLarge(): void {
    const { log } = this.#options;
    const { tailBytes, base, wantsCompaction } = log;
    const isLarge = tailBytes > Math.max(2 * INLINE_BYTES, base.update.length / 4);
    if ((!isLarge && !wantsCompaction) || tailBytes <= 2 * this.#failedAt) return;
    const isUrgent = tailBytes > base.update.length || log.tailLength > MAX_ENTRIES;
    if (!isUrgent && performance.now() < this.#restsUntil) return;
    this.run().then(
      () => {
        this.#failedAt = 0;
      },
      () => {
        // The tail holds everything still. It is tried again when there is much more of it.
        this.#failedAt = log.tailBytes;
      },
    );
  }

  /** Fails the compaction under way. */
  abandon(reason: Error): void {
    this.#abandon?.(reason);
  }
}
