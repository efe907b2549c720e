/** A task could not be done: it failed, its worker thread died, or the server is closing. */
export class WorkerError extends Error {
  override readonly name: string = "WorkerError";
}

/** The task itself threw: what it was given cannot be merged, integrated or shown. */
export class TaskError extends WorkerError {
  override readonly name = "TaskError";
}

/** What a room can use up: time of a worker, its heap, or its places in the queue. */
export type Budget = "time" | "memory" | "queue";

/** A task needed more than its room may use. Trying again at once would end the same way. */
export class OverBudgetError extends WorkerError {
  override readonly name = "OverBudgetError";
  readonly budget: Budget;

  constructor(budget: Budget, message: string) {
    super(message);
    this.budget = budget;
  }
}
