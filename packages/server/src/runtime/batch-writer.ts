export interface BatchWriterOptions<Item> {
  /** How long items are collected before they are written, in milliseconds. */
  readonly delay: number;
  /** Writes a batch of items, in the order in which they were added. Retried if it rejects. */
  readonly write: (items: readonly Item[]) => Promise<void>;
  /** Called on the first rejection of `write` after a success. */
  readonly onFailing: (error: unknown) => void;
  /** Called when this many of the oldest items were dropped because too many were waiting. */
  readonly onDropped?: (count: number) => void;
}

const RETRY_MS = 2_000;
const BATCH = 1_000;
/**
 * The most items to keep; beyond that, the oldest are dropped, so that they cannot exhaust memory.
 */
const MOST = 100_000;

/** Writes items off the hot path: in batches, after a delay, and with retries. */
export class BatchWriter<Item> {
  readonly #options: BatchWriterOptions<Item>;
  #items: Item[] = [];
  /** How many of the added items are being written. */
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<boolean> | undefined;
  #failing = false;
  #closed = false;

  constructor(options: BatchWriterOptions<Item>) {
    this.#options = options;
  }

  add(item: Item): void {
    if (this.#items.length + this.#underWay >= MOST) {
      const { length } = this.#items.splice(0, BATCH);
      this.#options.onDropped?.(length);
    }
    this.#items.push(item);
    this.#later(this.#options.delay);
  }

  /**
   * Writes pending items without retries. Does not reject.
   *
   * @returns how many could not be written
   */
  async close(): Promise<number> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    // Once more also when the last write failed: the store may be back.
    let isWritten = true;
    while (this.#items.length > 0 && isWritten) isWritten = await this.#write();
    return this.#items.length;
  }

  #later(delay: number): void {
    if (this.#closed || this.#timer !== undefined || this.#writing !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#items.length > 0) this.#later(this.#failing ? RETRY_MS : this.#options.delay);
      });
    }, delay);
  }

  /** @returns whether the batch was written; if not, its items are pending again */
  async #write(): Promise<boolean> {
    const batch = this.#items.splice(0, BATCH);
    this.#underWay = batch.length;
    try {
      await this.#options.write(batch);
      this.#failing = false;
      return true;
    } catch (error) {
      if (!this.#failing) this.#options.onFailing(error);
      this.#failing = true;
      this.#items.unshift(...batch);
      return false;
    } finally {
      this.#underWay = 0;
    }
  }
}
