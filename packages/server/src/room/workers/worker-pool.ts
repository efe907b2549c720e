import { FairQueue } from "./fair-queue.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { PoolWorker } from "./pool-worker.ts";
import type { TaskBudget, TaskKind } from "./task-budget.ts";
import type { TaskRequest, TaskResult, WorkerPriority } from "./update-tasks.ts";
import { OverBudgetError } from "./worker-errors.ts";

/** A task that waits for a worker or is running on one. */
export interface Task {
  readonly room: string;
  readonly kind: TaskKind;
  readonly request: TaskRequest;
  readonly budget: TaskBudget;
  readonly expectedMs: number;
  /** Whether it moves to the penalty pool once it has exceeded its share of the shared workers. */
  readonly goesOn: boolean;
  readonly inBackground: boolean;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: Error) => void;
}

/** A running task and its worker. */
export interface Running {
  readonly task: Task;
  readonly worker: PoolWorker;
  /** Stops the worker, and with it the task, without settling the task. */
  evict(): Task;
}

/**
 * How long an idle worker is kept. Its heap retains much of what its largest document took, and is only
 * released when the worker ends.
 */
const IDLE_MS = 5_000;
/** A worker is stopped right after a task that needed more than this share of the heap budget. */
const KEPT_SHARE = 1 / 8;

export interface WorkerPoolOptions {
  readonly priority: WorkerPriority;
  /** The most workers it has; they are started on demand. */
  readonly size: number;
  readonly heapBudget: number;
  /** The memory for its tasks; several pools may share one. */
  readonly ledger: MemoryLedger<PoolWorker>;
  /** Called for a task that needs more than the ledger's limit. @returns the error it fails with */
  readonly onTooLarge: (task: Task) => Error;
}

/** Workers of one priority, and the tasks that wait for them, scheduled fairly between rooms. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #queue: FairQueue<Task> = new FairQueue();
  readonly #running: Map<PoolWorker, Task> = new Map();
  readonly #idle: PoolWorker[] = [];
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get busy(): number {
    return this.#running.size;
  }

  add(task: Task): void {
    if (this.#queue.push(task)) this.#dispatch();
    else task.reject(new OverBudgetError("queue", "too many tasks are waiting for this room"));
  }

  *running(): Generator<Running> {
    for (const [worker, task] of this.#running) {
      yield { task, worker, evict: () => this.#evict(worker, task) };
    }
  }

  /** Removes and returns the waiting tasks of a room that match. */
  remove(room: string, matches: (task: Task) => boolean): Task[] {
    return this.#queue.remove(room, matches);
  }

  /** Removes and returns all waiting tasks. */
  takeWaiting(): Task[] {
    return this.#queue.clear();
  }

  /** Rejects all waiting tasks. */
  rejectWaiting(reason: Error): void {
    for (const task of this.#queue.clear()) task.reject(reason);
  }

  /** Rejects all tasks and stops the workers. */
  async stop(reason: Error): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.rejectWaiting(reason);
    await Promise.all(
      [...this.#idle.splice(0), ...this.#running.keys()].map((worker) => worker.stop(reason)),
    );
  }

  #evict(worker: PoolWorker, task: Task): Task {
    this.#running.delete(worker);
    this.#queue.charge(task, worker.spentMs);
    void this.#end(worker);
    this.#dispatch();
    return task;
  }

  /** Stops a worker. Its slot is free immediately, its memory only once the thread has exited. */
  async #end(worker: PoolWorker): Promise<void> {
    try {
      await worker.stop(new OverBudgetError("time", "ended"));
    } finally {
      this.#options.ledger.release(worker);
    }
  }

  #needs(worker: PoolWorker, bytes: number): void {
    const task = this.#running.get(worker);
    if (task === undefined) return;
    const { ledger, onTooLarge } = this.#options;
    if (bytes > ledger.limit) worker.refuse(onTooLarge(task));
    else ledger.reserve(worker, bytes, () => worker.go());
  }

  #dispatch(): void {
    while (this.#queue.size > 0) {
      const worker = this.#idle.pop() ?? this.#start();
      if (worker === null) return;
      const task = this.#queue.shift();
      if (task === undefined) {
        this.#rest(worker);
        return;
      }
      this.#running.set(worker, task);
      worker.perform(task.request).then(
        (result) => this.#finish(worker, task, () => task.resolve(result)),
        (error: Error) => this.#finish(worker, task, () => task.reject(error)),
      );
    }
  }

  #finish(worker: PoolWorker, task: Task, settle: () => void): void {
    // An evicted task is settled by the caller that evicted it.
    if (this.#running.get(worker) !== task) return;
    this.#running.delete(worker);
    this.#queue.charge(task, worker.spentMs);
    settle();
    const { ledger, heapBudget } = this.#options;
    if (worker.neededBytes > heapBudget * KEPT_SHARE) void this.#end(worker);
    else {
      ledger.release(worker);
      if (worker.idle) this.#rest(worker);
    }
    this.#dispatch();
  }

  #start(): PoolWorker | null {
    const { priority, size, heapBudget, ledger } = this.#options;
    if (this.#idle.length + this.#running.size >= size) return null;
    return new PoolWorker(priority, heapBudget, {
      ended: (worker) => {
        ledger.release(worker);
        const at = this.#idle.indexOf(worker);
        if (at >= 0) this.#idle.splice(at, 1);
      },
      needs: (worker, bytes) => this.#needs(worker, bytes),
    });
  }

  #rest(worker: PoolWorker): void {
    this.#idle.push(worker);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#endIdle(), IDLE_MS).unref();
  }

  #endIdle(): void {
    const reason = new OverBudgetError("time", "the worker was idle");
    for (const worker of this.#idle.splice(0)) void worker.stop(reason);
  }
}
