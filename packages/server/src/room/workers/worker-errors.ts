/** A task failed, its worker thread died, or the server is shutting down. */
export class WorkerError extends Error {
  override readonly name: string = "WorkerError";
}

/** The task itself threw: its input cannot be merged, integrated or shown. */
export class TaskError extends WorkerError {
  override readonly name = "TaskError";
}

/** What a room can exhaust: CPU time, heap, or its places in the queue. */
export type Budget = "time" | "memory" | "queue";

/** A task needed more than its room may use. Retrying immediately would fail the same way. */
export class OverBudgetError extends WorkerError {
  override readonly name = "OverBudgetError";
  readonly budget: Budget;

  constructor(budget: Budget, message: string) {
    super(message);
    this.budget = budget;
  }
}
