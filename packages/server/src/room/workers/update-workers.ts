import { WorkerStats } from "../room-stats.ts";
import { MemoryLedger } from "./memory-ledger.ts";
import type { PoolWorker } from "./pool-worker.ts";
import { Quarantine } from "./quarantine.ts";
import { RoomPenalties } from "./room-penalties.ts";
import { budgetOf, expectedMs, heapBudget, type TaskKind, taskKindOf } from "./task-budget.ts";
import type { TaskRequest, TaskResult, UpdateTasks } from "./update-tasks.ts";
import { updateTasks } from "./update-tasks.ts";
import { OverBudgetError, WorkerError } from "./worker-errors.ts";
import { type Running, type Task, WorkerPool } from "./worker-pool.ts";

/** Tasks up to this size run on the event loop: sending them to a worker would cost more. */
export const INLINE_BYTES = 32 * 1024;
/** The same for tasks that only scan the bytes of one update, at some 250 MB a second. */
export const INLINE_SCAN_BYTES = 256 * 1024;
/** Workers of each priority, shared by all rooms. */
const SHARED_WORKERS = 2;
/** With less worker memory than this there is only one background worker: each has an overhead. */
const TWO_WORKERS_BYTES = 256 * 1024 * 1024;
/**
 * The penalty pool's share of the memory. It is kept apart because its tasks hold memory for a long
 * time, and tasks of other pools must not wait for that.
 */
const PENALTY_SHARE = 1 / 3;
/** Interval at which running tasks are checked, and the age at which a task is first checked. */
const SUPERVISION_MS = 50;
/**
 * A low-priority thread may run for long without using much CPU time; but it occupies a worker that
 * other tasks wait for, so elapsed time counts as well, at one sixth.
 */
const MOST_ELAPSED_PER_CPU = 6;

/**
 * Runs tasks on encoded updates: small ones synchronously, large ones in worker threads that are
 * started on demand.
 *
 * Every task runs for a room and is charged to it. Rooms share the workers fairly (`FairQueue`), and
 * each task has a CPU time budget that depends on its size. A task that exceeds the part of it allowed
 * on the shared workers loses its worker and starts over in the penalty pool, a single worker for all
 * such rooms: documents that take Yjs quadratic time thus delay only each other. A task that exceeds
 * its whole budget, or uses too much memory, fails with `OverBudgetError`. For some minutes afterwards,
 * the room's tasks of that kind go straight to the penalty pool.
 */
export class UpdateWorkers {
  readonly stats: WorkerStats = new WorkerStats();
  /** The rooms that have exceeded their budgets. */
  readonly quarantine: Quarantine = new Quarantine();
  readonly #heapBudget: number;
  /** For tasks that a caller waits for, such as opening a document. */
  readonly #prompt: WorkerPool;
  /** For tasks that yield to everything else. */
  readonly #background: WorkerPool;
  /** For rooms that have proven expensive. */
  readonly #penalty: WorkerPool;
  readonly #penalties: RoomPenalties = new RoomPenalties();
  #supervision: NodeJS.Timeout | undefined;
  #prioritized = false;
  #closed = false;

  /** @param heap memory limit of all workers together, in bytes */
  constructor(heap: number = heapBudget()) {
    this.#heapBudget = heap;
    const shared = new MemoryLedger<PoolWorker>(heap * (1 - PENALTY_SHARE));
    const common = {
      heapBudget: heap,
      ledger: shared,
      onTooLarge: (task: Task) => this.#refuse(task),
    };
    this.#prompt = new WorkerPool({ ...common, priority: "prompt", size: SHARED_WORKERS });
    const inBackground = heap < TWO_WORKERS_BYTES ? 1 : SHARED_WORKERS;
    this.#background = new WorkerPool({ ...common, priority: "background", size: inBackground });
    const ledger = new MemoryLedger<PoolWorker>(heap * PENALTY_SHARE);
    this.#penalty = new WorkerPool({ ...common, ledger, priority: "background", size: 1 });
  }

  /** Whether a shutdown is waiting for the tasks; see `prioritize`. */
  get prioritized(): boolean {
    return this.#prioritized;
  }

  /** Whether integrating or merging the room's document has recently exceeded its share. */
  isPenalized(room: string): boolean {
    return this.#penalties.has(room, "integrate") || this.#penalties.has(room, "merge");
  }

  /** Number of tasks waiting for a worker, by pool. */
  get waiting(): Readonly<Record<"prompt" | "background" | "penalty", number>> {
    return {
      prompt: this.#prompt.waiting,
      background: this.#background.waiting,
      penalty: this.#penalty.waiting,
    };
  }

  /**
   * Runs a task. Small tasks run before the call returns, but still return a promise.
   *
   * @param room the room to charge
   * @throws OverBudgetError, WorkerError, MalformedError, TooLargeError
   */
  run<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    return this.#run(room, this.#prompt, true, task, args);
  }

  /**
   * Like `run`, for tasks that have a fallback: fails as soon as the task exceeds its share of the
   * shared workers, and immediately if the room did so recently.
   */
  attempt<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    return this.#run(room, this.#prompt, false, task, args);
  }

  /** Like `run`, for tasks that nobody waits for: where cores are scarce, they run when others idle. */
  runInBackground<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    const pool = this.#prioritized ? this.#prompt : this.#background;
    return this.#run(room, pool, !this.#prioritized, task, args);
  }

  /**
   * From now on no task is run in the background, and a task that exceeds its share fails: a shutdown
   * is waiting.
   */
  prioritize(): void {
    this.#prioritized = true;
    for (const task of this.#background.takeWaiting()) this.#prompt.add(task);
    this.#penalty.rejectWaiting(new OverBudgetError("time", "the server is shutting down"));
  }

  /** Fails the waiting background tasks of a room. */
  cancelBackground(room: string): void {
    for (const pool of [this.#background, this.#penalty]) {
      for (const task of pool.remove(room, ({ inBackground }) => inBackground)) {
        task.reject(new WorkerError("the document has been unloaded"));
      }
    }
  }

  /** Stops the workers; tasks under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#supervision);
    const reason = workersClosedError();
    await Promise.all(
      [this.#prompt, this.#background, this.#penalty].map((pool) => pool.stop(reason)),
    );
  }

  async #run<Name extends keyof UpdateTasks>(
    room: string,
    pool: WorkerPool,
    goesOn: boolean,
    task: Name,
    args: Parameters<UpdateTasks[Name]>,
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    const bytes = sizeOf(args);
    if (bytes <= inlineBytes(task, args)) {
      const perform = updateTasks[task] as (...args: unknown[]) => ReturnType<UpdateTasks[Name]>;
      return perform(...args);
    }
    if (this.#closed) throw workersClosedError();
    const kind = taskKindOf(task, args);
    const penalized = this.#penalties.has(room, kind);
    if (penalized && !goesOn) {
      throw new OverBudgetError("time", "recent tasks of this room exceeded their time limit");
    }
    const result = await new Promise<TaskResult>((resolve, reject) => {
      const request = { task, args } as TaskRequest;
      const budget = budgetOf(bytes);
      const cost = expectedMs(bytes);
      const inBackground = pool === this.#background;
      const one = { room, kind, request, budget, expectedMs: cost, goesOn, inBackground };
      (penalized ? this.#penalty : pool).add({ ...one, resolve, reject });
      this.#supervision ??= setInterval(() => this.#supervise(), SUPERVISION_MS).unref();
    });
    return result as ReturnType<UpdateTasks[Name]>;
  }

  #supervise(): void {
    let heap = 0;
    let largest: { running: Running; pool: WorkerPool; bytes: number } | undefined;
    const pools = [this.#prompt, this.#background, this.#penalty];
    for (const pool of pools) {
      for (const running of [...pool.running()]) {
        const { worker, task } = running;
        if (worker.elapsedMs < SUPERVISION_MS) continue;
        const { cpuMs, heapBytes } = worker.measure();
        const limit = pool === this.#penalty ? task.budget.totalMs : task.budget.sharedMs;
        if (Math.max(cpuMs, worker.elapsedMs / MOST_ELAPSED_PER_CPU) > limit) {
          this.#exceeded(running, pool, "time");
          continue;
        }
        heap += heapBytes;
        if (largest === undefined || heapBytes > largest.bytes) {
          largest = { running, pool, bytes: heapBytes };
        }
      }
    }
    if (heap > this.#heapBudget && largest !== undefined) {
      this.#exceeded(largest.running, largest.pool, "memory");
    }
    if (pools.some((pool) => pool.busy > 0)) return;
    clearInterval(this.#supervision);
    this.#supervision = undefined;
  }

  /** Rejects a task that needs too much memory. It has not started, so its room is not penalized. */
  #refuse(task: Task): OverBudgetError {
    this.stats.exceeded.memory++;
    return new OverBudgetError("memory", describeExcess(task, "memory", true));
  }

  #exceeded(running: Running, pool: WorkerPool, budget: "time" | "memory"): void {
    const task = running.evict();
    const isPenalty = pool === this.#penalty;
    this.#penalties.add(task.room, task.kind, isPenalty);
    if (!isPenalty && task.goesOn && !(this.#prioritized && pool === this.#prompt)) {
      this.stats.demoted++;
      this.#penalty.add(task);
      return;
    }
    this.stats.exceeded[budget]++;
    task.reject(new OverBudgetError(budget, describeExcess(task, budget, isPenalty)));
  }
}

function describeExcess(
  { budget, kind }: Task,
  exceeded: "time" | "memory",
  total: boolean,
): string {
  const what = activityOf(kind);
  if (exceeded === "memory") return `${what} needs more memory than the workers may use`;
  const ms = Math.round(total ? budget.totalMs : budget.sharedMs);
  return `${what} took more than ${ms} ms of CPU time`;
}

function activityOf(kind: TaskKind): string {
  switch (kind) {
    case "scan":
      return "reading an update";
    case "merge":
      return "merging";
    case "integrate":
      return "integrating the document";
  }
}

function workersClosedError(): WorkerError {
  return new WorkerError("the workers are closed");
}

/** The size up to which a task runs on the event loop. */
function inlineBytes(task: keyof UpdateTasks, [updates, how]: readonly unknown[]): number {
  if (task === "diff") return INLINE_BYTES;
  if (task === "inspect") return INLINE_SCAN_BYTES;
  if (task === "splitFrames") return 0;
  // These build a `Y.Doc`: never on the event loop.
  if (task === "toJson" || task === "rootsToJson") return 0;
  if (task === "makeBase" && how !== "merge") return 0;
  return Array.isArray(updates) && updates.length === 1 ? INLINE_SCAN_BYTES : INLINE_BYTES;
}

function sizeOf(args: readonly unknown[]): number {
  let size = 0;
  for (const arg of args) {
    if (arg instanceof Uint8Array) size += arg.length;
    else if (Array.isArray(arg)) size += sizeOf(arg) + arg.length * 64;
  }
  return size;
}
