import { FairQueue } from "./fair-queue.ts";
import type { MemoryLedger } from "./memory-ledger.ts";
import { PoolWorker } from "./pool-worker.ts";
import type { TaskBudget, TaskKind } from "./task-budget.ts";
import type { TaskRequest, TaskResult, WorkerPriority } from "./update-tasks.ts";
import { OverBudgetError } from "./worker-errors.ts";

/** A task that waits for a worker, or has one. */
export interface Task {
  readonly room: string;
  readonly kind: TaskKind;
  readonly request: TaskRequest;
  readonly budget: TaskBudget;
  readonly expectedMs: number;
  /** Whether it goes on in the penalty lane when it has used up its share of the common workers. */
  readonly goesOn: boolean;
  readonly inBackground: boolean;
  readonly resolve: (result: TaskResult) => void;
  readonly reject: (error: Error) => void;
}

/** A task under way, and what it has used. */
export interface Running {
  readonly task: Task;
  readonly worker: PoolWorker;
  /** Ends its worker, and with it the task; nobody is told what became of it. */
  evict(): Task;
}

/**
 * How long an idle worker is kept. Its heap keeps much of what the largest document took, and is
 * only given back when it ends.
 */
const IDLE_MS = 5_000;
/** After a task that needed more than this share of the budget, a worker is not kept at all. */
const KEPT_SHARE = 1 / 8;

export interface WorkerPoolOptions {
  readonly priority: WorkerPriority;
  /** How many workers it has at most; they are started when they are needed. */
  readonly size: number;
  readonly heapBudget: number;
  /** What its tasks use; several lanes may share one. */
  readonly ledger: MemoryLedger<PoolWorker>;
  /** Is told of a task that needs more than there is in the ledger. @returns with what it fails */
  readonly onTooLarge: (task: Task) => Error;
}

/** Some workers of the same priority, and the tasks that wait for them, served fairly by room. */
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
    else task.reject(new OverBudgetError("queue", "too much waits to be done for this room"));
  }

  *running(): Generator<Running> {
    for (const [worker, task] of this.#running) {
      yield { task, worker, evict: () => this.#evict(worker, task) };
    }
  }

  /** Takes what waits for a room, where `matches`. */
  remove(room: string, matches: (task: Task) => boolean): Task[] {
    return this.#queue.remove(room, matches);
  }

  /** Takes all that waits. */
  takeWaiting(): Task[] {
    return this.#queue.clear();
  }

  /** Fails what waits. */
  rejectWaiting(reason: Error): void {
    for (const task of this.#queue.clear()) task.reject(reason);
  }

  /** Fails everything, and ends the workers. */
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

  /** The memory that the worker used is free when its thread is gone; its place is at once. */
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
    // Whoever evicts a task decides what becomes of it.
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
