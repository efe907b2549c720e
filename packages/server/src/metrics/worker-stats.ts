import type { Budget } from "../document/worker-errors.ts";

/** The workers that compact, compare and render documents. */
export class WorkerStats {
  /** Tasks that used up their share of the common workers and began anew in the penalty lane. */
  demoted = 0;
  /** Tasks that were given up, by the budget that they exceeded. */
  readonly exceeded: Record<Budget, number> = { time: 0, memory: 0, queue: 0 };
}
