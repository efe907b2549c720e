import { reasonOf } from "../../runtime/reason.ts";
import { Repeater } from "../../runtime/repeater.ts";
import { resultWithin } from "../../runtime/time-limit.ts";

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
  readonly #probes: Repeater;
  /** If a read hangs, the next probe waits for the same one instead of starting another. */
  #reading: Promise<unknown> | undefined;

  constructor(options: StoreProbeOptions) {
    this.#options = options;
    this.#probes = new Repeater(() => this.#probe());
    this.#probes.startIn(INTERVAL_MS);
  }

  /** Why the store could not be read, or `undefined` if the last read succeeded. */
  get problem(): string | undefined {
    return this.#problem;
  }

  close(): void {
    void this.#probes.close();
  }

  async #probe(): Promise<number> {
    const before = this.#problem;
    this.#problem = await this.#read();
    if (this.#problem !== undefined) return FAILING_INTERVAL_MS;
    if (before !== undefined && !this.#probes.isClosed) this.#options.onRecovered();
    return INTERVAL_MS;
  }

  async #read(): Promise<string | undefined> {
    try {
      this.#reading ??= this.#options.read().finally(() => {
        this.#reading = undefined;
      });
      const answer = await resultWithin(ANSWER_WITHIN_MS, this.#reading);
      return answer === null ? `no answer within ${ANSWER_WITHIN_MS / 1_000} s` : undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }
}
