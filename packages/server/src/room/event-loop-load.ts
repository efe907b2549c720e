import { performance } from "node:perf_hooks";

const SAMPLE_MS = 200;
/** How much of a new sample counts: a garbage collection is not yet a load. */
const WEIGHT = 0.3;

/** How busy this thread's event loop is, measured when somebody asks. */
export class EventLoopLoad {
  #sampledAt = performance.now();
  #before = performance.eventLoopUtilization();
  #load = 0;

  /**
   * From 0 (idle) to 1 (never waits), over about the last second.
   *
   * @param now by `performance.now()`
   */
  get(now: number = performance.now()): number {
    const elapsed = now - this.#sampledAt;
    if (elapsed >= SAMPLE_MS) {
      const total = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(total, this.#before);
      // After a time in which nobody asked, the sample covers more than a second by itself.
      const weight = 1 - (1 - WEIGHT) ** Math.round(elapsed / SAMPLE_MS);
      this.#load += (utilization - this.#load) * weight;
      this.#before = total;
      this.#sampledAt = now;
    }
    return this.#load;
  }
}
