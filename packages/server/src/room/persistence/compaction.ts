import type { Base } from "../log/base.ts";
import type { Log } from "../log/log.ts";
import type { RoomServices } from "../room-services.ts";
import { INLINE_BYTES } from "../workers/update-workers.ts";
import { compactWithinBudget } from "./compact-within-budget.ts";

/** After a compaction that took longer than this, there is a pause … */
const SHORT_MS = 100;
/** … of this many times as long … */
const REST = 20;
/** … but no longer than this. */
const MAX_REST_MS = 30_000;
/** A tail with more entries than this is compacted even during a pause. */
const MAX_ENTRIES = 8 * 1024;

export interface CompactionOptions {
  readonly room: string;
  readonly log: Log;
  readonly services: Pick<RoomServices, "workers" | "compaction">;
  /**
   * Part of the tail is about to move into the base: send it to the subscribers with a writable sink now,
   * while it is still separate from the base.
   */
  readonly onReplace: () => void;
}

/** Moves the durable part of one log's tail into its base: one compaction at a time, in a worker. */
export class CompactionRunner {
  readonly #options: CompactionOptions;
  #running = false;
  #abandon: ((reason: Error) => void) | undefined;
  /** The size of the tail when compacting last failed; the next attempt follows at twice that. */
  #failedAt = 0;
  /** End of the pause, by `performance.now()`; until then only an urgently large tail is compacted. */
  #restsUntil = 0;

  constructor(options: CompactionOptions) {
    this.#options = options;
  }

  /**
   * Moves everything durable into the base.
   *
   * @returns the base and the offset below which it holds everything; unchanged if a compaction is
   *   already under way
   * @throws WorkerError, or the reason given to `abandon`
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

  /** Compacts in the background if the tail has grown large compared to the base. */
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
        // The tail still holds everything. Try again when it has grown much larger.
        this.#failedAt = log.tailBytes;
      },
    );
  }

  /** Fails the compaction under way. */
  abandon(reason: Error): void {
    this.#abandon?.(reason);
  }
}
