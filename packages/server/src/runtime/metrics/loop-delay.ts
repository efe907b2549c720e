import { monitorEventLoopDelay } from "node:perf_hooks";

/** The sampling interval. A shorter one would keep an idle server busy. */
const RESOLUTION_MS = 50;
/** The period that is reported. */
const WINDOW_MS = 5_000;

/** Event loop delays, in milliseconds. */
export interface Delays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Measures the event loop delay of this thread. */
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

  /** Returns the delays of the last complete period of five seconds, or since the start. */
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

/** @param interval between two samples, in nanoseconds */
function lateness(interval: number): number {
  return Math.max(0, interval / 1e6 - RESOLUTION_MS);
}
