import { monitorEventLoopDelay } from "node:perf_hooks";

/** How often it is looked: more often, an idle server would do little else. */
const RESOLUTION_MS = 50;
/** The time that is told about. */
const WINDOW_MS = 5_000;

/** By how much the event loop was late, in milliseconds. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Watches how late the event loop of this thread is. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #last: Delays | undefined;

  constructor() {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#last = this.#measured();
      this.#histogram.reset();
    }, WINDOW_MS).unref();
  }

  /** Over the last five seconds that are over, or since it began. */
  read(): Delays {
    return this.#last ?? this.#measured();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #measured(): Delays {
    return {
      p50: lateness(this.#histogram.percentile(50)),
      p99: lateness(this.#histogram.percentile(99)),
      max: lateness(this.#histogram.max),
    };
  }
}

/** @param interval between two looks, in nanoseconds */
function lateness(interval: number): number {
  return Math.max(0, interval / 1e6 - RESOLUTION_MS);
}
