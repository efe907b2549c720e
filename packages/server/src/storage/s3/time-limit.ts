import { StorageError } from "../errors.ts";

/** Time limit for a call with little data. */
const CALL_MS = 25_000;
/** The minimum throughput that extends the limit. */
const BYTES_PER_MS = 256;

/** How long a call may take to clean up after its time is up. */
export const CLEAN_UP_MS = 4_000;

/** The time limit of one call, including its retries. */
export class TimeLimit {
  readonly #abort: AbortController = new AbortController();
  readonly #late: PromiseWithResolvers<never> = Promise.withResolvers();
  #deadline: number = performance.now() + CALL_MS;
  #timer: NodeJS.Timeout | undefined;

  private constructor() {
    this.#arm();
  }

  /**
   * Runs work with a time limit: aborts the signal when time is up, then abandons the work if it
   * does not end by itself.
   *
   * The client's own limits are not enough: they apply to single requests, and credential lookup
   * has none.
   *
   * @throws whatever the work throws; StorageError if it is abandoned
   */
  static async during<T>(work: (limit: TimeLimit) => Promise<T>): Promise<T> {
    const limit = new TimeLimit();
    try {
      return await Promise.race([work(limit), limit.#late.promise]);
    } finally {
      clearTimeout(limit.#timer);
    }
  }

  /** Aborted when the time is up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Extends the limit by the time to transfer this many bytes. */
  allow(bytes: number): void {
    this.#deadline += bytes / BYTES_PER_MS;
    if (!this.signal.aborted) this.#arm();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => {
        this.#late.reject(new StorageError("S3 took too long"));
      }, CLEAN_UP_MS);
      this.#abort.abort();
    }, this.#deadline - performance.now());
  }
}
