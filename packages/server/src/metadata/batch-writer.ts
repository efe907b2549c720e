export interface BatchWriterOptions<Item> {
  /** For so long items are gathered, in milliseconds. */
  readonly delay: number;
  /** Writes some items, in the order in which they were added. It is called again when it rejects. */
  readonly write: (items: readonly Item[]) => Promise<void>;
  /** It has rejected, for the first time since it last did not. */
  readonly onFailing: (error: unknown) => void;
  /** So many items, the oldest, were given up: too many waited. */
  readonly onDropped?: (count: number) => void;
}

const RETRY_MS = 2_000;
const BATCH = 1_000;
/** Beyond this many items the oldest are dropped: they must not exhaust the memory. */
const MOST = 100_000;

/** Writes items off the hot path: in batches, some time later, and again when it fails. */
export class BatchWriter<Item> {
  readonly #options: BatchWriterOptions<Item>;
  #items: Item[] = [];
  /** How many of those that were added are being written. */
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
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

  /** Writes what there is, once. Does not reject. @returns how many items could not be written */
  async close(): Promise<number> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    while (this.#items.length > 0 && !this.#failing) await this.#write();
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

  async #write(): Promise<void> {
    const batch = this.#items.splice(0, BATCH);
    this.#underWay = batch.length;
    try {
      await this.#options.write(batch);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#options.onFailing(error);
      this.#failing = true;
      this.#items.unshift(...batch);
    } finally {
      this.#underWay = 0;
    }
  }
}
