import { MemoryLedger } from "./memory-ledger.ts";
import type { PoolWorker } from "./pool-worker.ts";
import { Quarantine } from "./quarantine.ts";
import { RoomPenalties } from "./room-penalties.ts";
import { WorkerStats } from "./room-stats.ts";
import { budgetOf, expectedMs, heapBudget, kindOf, type TaskKind } from "./task-budget.ts";
import type { TaskRequest, TaskResult, UpdateTasks } from "./update-tasks.ts";
import { updateTasks } from "./update-tasks.ts";
import { OverBudgetError, WorkerError } from "./worker-errors.ts";
import { type Running, type Task, WorkerPool } from "./worker-pool.ts";

/** Up to this size a task runs on the event loop: sending it to a worker would cost more. */
export const INLINE_BYTES = 32 * 1024;
/** The same for tasks that only walk over the bytes of one update, at some 250 MB a second. */
export const INLINE_SCAN_BYTES = 256 * 1024;
/** How many workers of each priority all rooms share. */
const SHARED_WORKERS = 2;
/** With less memory for the workers than this there is one in the background: each takes some itself. */
const TWO_WORKERS_BYTES = 256 * 1024 * 1024;
/** What the penalty lane may use of the memory: its tasks hold it for long, and no other waits for that. */
const PENALTY_SHARE = 1 / 3;
/** How often the tasks under way are looked at, and how long one is left alone. */
const SUPERVISION_MS = 50;
/**
 * A thread that gives way to others may be slow without having used much; but others wait for its place
 * in any case.
 */
const MOST_ELAPSED_PER_CPU = 6;

/**
 * Runs tasks on encoded updates: small ones at once, large ones in worker threads that are started
 * when they are first needed.
 *
 * Every task is done for a room, and charged to it. Rooms share the workers fairly (`FairQueue`), and
 * a task has a budget of CPU time by its size. When it has used its share of that, its worker is ended
 * and it begins anew in the penalty lane, which is one worker for all such rooms: so documents that
 * take Yjs quadratic time delay each other, and nobody else. When it has used all of its budget, or
 * too much memory, it fails with `OverBudgetError`. For some minutes the room's tasks of that kind go
 * to the penalty lane at once.
 */
export class UpdateWorkers {
  readonly stats: WorkerStats = new WorkerStats();
  /** The rooms that have exceeded their budgets. */
  readonly quarantine: Quarantine = new Quarantine();
  readonly #heapBudget: number;
  /** Somebody waits for these tasks, such as who opens a document. */
  readonly #prompt: WorkerPool;
  /** These give way to everything else. */
  readonly #background: WorkerPool;
  /** For rooms that have shown to be expensive. */
  readonly #penalty: WorkerPool;
  readonly #penalties: RoomPenalties = new RoomPenalties();
  #supervision: NodeJS.Timeout | undefined;
  #prioritized = false;
  #closed = false;

  /** @param heap what all workers may use together, in bytes */
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

  /** Whether a shutdown waits; see `prioritize`. */
  get prioritized(): boolean {
    return this.#prioritized;
  }

  /** Whether integrating or merging the room's document has taken more than its share lately. */
  isPenalized(room: string): boolean {
    return this.#penalties.has(room, "integrate") || this.#penalties.has(room, "merge");
  }

  /** How many tasks wait for a worker, by lane. */
  get waiting(): Readonly<Record<"prompt" | "background" | "penalty", number>> {
    return {
      prompt: this.#prompt.waiting,
      background: this.#background.waiting,
      penalty: this.#penalty.waiting,
    };
  }

  /**
   * Small tasks run before the call returns; the result is a promise all the same.
   *
   * @param room what the task is done for, and charged to
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
   * The same for what can be done in another way: it fails as soon as it has used its share of the
   * common workers, and at once for a room that did so before.
   */
  attempt<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    return this.#run(room, this.#prompt, false, task, args);
  }

  /** As `run` for what nobody waits for: where cores are scarce, it is done when others rest. */
  runInBackground<Name extends keyof UpdateTasks>(
    room: string,
    task: Name,
    ...args: Parameters<UpdateTasks[Name]>
  ): Promise<ReturnType<UpdateTasks[Name]>> {
    const pool = this.#prioritized ? this.#prompt : this.#background;
    return this.#run(room, pool, !this.#prioritized, task, args);
  }

  /**
   * From now on nothing is done in the background, and nothing takes more than its share: it is waited
   * for, as by a shutdown.
   */
  prioritize(): void {
    this.#prioritized = true;
    for (const task of this.#background.takeWaiting()) this.#prompt.add(task);
    this.#penalty.rejectWaiting(new OverBudgetError("time", "the server is shutting down"));
  }

  /** Fails what waits to be done for a room in the background. */
  cancelBackground(room: string): void {
    for (const pool of [this.#background, this.#penalty]) {
      for (const task of pool.remove(room, ({ inBackground }) => inBackground)) {
        task.reject(new WorkerError("the document has left the memory"));
      }
    }
  }

  /** Ends the workers; tasks under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#supervision);
    const reason = closedError();
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
    if (this.#closed) throw closedError();
    const kind = kindOf(task, args);
    const penalized = this.#penalties.has(room, kind);
    if (penalized && !goesOn) {
      throw new OverBudgetError("time", "tasks of this room have taken too long lately");
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

  /** The task has not begun: its room pays for nothing but the look at it. */
  #refuse(task: Task): OverBudgetError {
    this.stats.exceeded.memory++;
    return new OverBudgetError("memory", reasonOf(task, "memory", true));
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
    task.reject(new OverBudgetError(budget, reasonOf(task, budget, isPenalty)));
  }
}

function reasonOf({ budget, kind }: Task, exceeded: "time" | "memory", total: boolean): string {
  const what = nameOf(kind);
  if (exceeded === "memory") return `${what} takes more memory than the workers may use`;
  const ms = Math.round(total ? budget.totalMs : budget.sharedMs);
  return `${what} took more than ${ms} ms of CPU time`;
}

function nameOf(kind: TaskKind): string {
  switch (kind) {
    case "scan":
      return "reading an update";
    case "merge":
      return "merging";
    case "integrate":
      return "integrating the document";
  }
}

function closedError(): WorkerError {
  return new WorkerError("the workers are closed");
}

/** Up to which size a task runs on the event loop. */
function inlineBytes(task: keyof UpdateTasks, [updates, how]: readonly unknown[]): number {
  if (task === "diff") return INLINE_BYTES;
  if (task === "inspect") return INLINE_SCAN_BYTES;
  if (task === "splitFrames") return 0;
  // A `Y.Doc` is built: never here.
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
