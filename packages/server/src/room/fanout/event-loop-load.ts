import { performance } from "node:perf_hooks";

const SAMPLE_MS = 200;
/** Weight of a new sample: a single garbage collection does not count as load. */
const WEIGHT = 0.3;

/** How busy this thread's event loop is, measured on demand. */
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
      // After a long pause between calls, the new sample alone covers the period.
      const weight = 1 - (1 - WEIGHT) ** Math.round(elapsed / SAMPLE_MS);
      this.#load += (utilization - this.#load) * weight;
      this.#before = total;
      this.#sampledAt = now;
    }
    return this.#load;
  }
}
