import { StorageError } from "../errors.ts";

/** What a call may take that moves little. */
const CALL_MS = 25_000;
/** Less than that is as good as nothing. */
const BYTES_PER_MS = 256;

/** What a call whose time is up may take to leave nothing behind. */
export const CLEAN_UP_MS = 4_000;

/** The time that one call may take, with everything that is tried again. */
export class TimeLimit {
  readonly #abort: AbortController = new AbortController();
  readonly #late: PromiseWithResolvers<never> = Promise.withResolvers();
  #deadline: number = performance.now() + CALL_MS;
  #timer: NodeJS.Timeout | undefined;

  private constructor() {
    this.#arm();
  }

  /**
   * Does some work, and gives it up when its time is up and it does not end by itself.
   *
   * The client's own limits are not enough: they hold for one request, and finding credentials has none.
   *
   * @throws what the work throws; StorageError when it is given up
   */
  static async during<T>(work: (limit: TimeLimit) => Promise<T>): Promise<T> {
    const limit = new TimeLimit();
    try {
      return await Promise.race([work(limit), limit.#late.promise]);
    } finally {
      clearTimeout(limit.#timer);
    }
  }

  /** Aborts when the time is up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Gives the call the time to move so many bytes more. */
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
