import { resultWithin } from "../runtime/within.ts";

/** How often a healthy store is probed, and one that failed. */
const INTERVAL_MS = 5_000;
const FAILING_INTERVAL_MS = 1_000;
const ANSWER_WITHIN_MS = 3_000;

/** No room has this name: control characters are refused in room names. */
export const PROBE_ROOM = "\u0001probe";

export interface StoreProbeOptions {
  /** Reads something small. Rejects when the store cannot be read. */
  readonly read: () => Promise<unknown>;
  /** The store responds again: pending writes need not wait for their next attempt. */
  readonly onRecovered: () => void;
}

/**
 * Reads a store every few seconds, so that readiness reports an outage even without writes, and for no
 * longer than it lasts: writers notice its end only at their next attempt. Call `close` to stop it.
 */
export class StoreProbe {
  readonly #options: StoreProbeOptions;
  #problem: string | undefined;
  #timer: NodeJS.Timeout;
  /** If a read hangs, the next probe waits for the same one instead of starting another. */
  #reading: Promise<unknown> | undefined;
  #closed = false;

  constructor(options: StoreProbeOptions) {
    this.#options = options;
    this.#timer = setTimeout(() => void this.#probe(), INTERVAL_MS).unref();
  }

  /** Why the store could not be read, or `undefined` if the last read succeeded. */
  get problem(): string | undefined {
    return this.#problem;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #probe(): Promise<void> {
    const before = this.#problem;
    this.#problem = await this.#read();
    if (this.#closed) return;
    if (before !== undefined && this.#problem === undefined) this.#options.onRecovered();
    const delay = this.#problem === undefined ? INTERVAL_MS : FAILING_INTERVAL_MS;
    this.#timer = setTimeout(() => void this.#probe(), delay).unref();
  }

  async #read(): Promise<string | undefined> {
    try {
      this.#reading ??= this.#options.read().finally(() => {
        this.#reading = undefined;
      });
      const answer = await resultWithin(ANSWER_WITHIN_MS, this.#reading);
      return answer === null ? `no answer within ${ANSWER_WITHIN_MS / 1_000} s` : undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
