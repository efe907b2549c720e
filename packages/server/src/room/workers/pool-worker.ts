import { MalformedError } from "../../protocol/malformed-error.ts";
import { TooLargeError } from "../../protocol/too-large-error.ts";
import { WorkerThread, workerUrl } from "../../runtime/worker-thread.ts";
import type {
  TaskFailure,
  TaskRequest,
  TaskResult,
  WorkerMessage,
  WorkerOrder,
  WorkerPriority,
} from "./update-tasks.ts";
import { TaskError, WorkerError } from "./worker-errors.ts";

/** Events of a worker. */
export interface PoolWorkerEvents {
  /** Its thread has ended. */
  readonly ended: (worker: PoolWorker) => void;
  /** Its task needs this many bytes of memory, and waits for `go`. */
  readonly needs: (worker: PoolWorker, bytes: number) => void;
}

/** What the running task has used so far. */
export interface TaskUsage {
  readonly cpuMs: number;
  readonly heapBytes: number;
}

/**
 * A worker that reaches V8's own heap limit may take the process down with it: a failed allocation is
 * fatal. So that limit is far above the budget, and the supervisor stops the worker well before.
 */
const HEAP_RESERVE = 4;
const LEAST_HEAP_LIMIT_MB = 1_024;
/** The share of the elapsed time that counts where CPU time cannot be measured. */
const ASSUMED_CPU_SHARE = 1 / 3;
/** A thread that does not answer for this long is busy in native code; then the elapsed time counts. */
const UNANSWERED_MS = 2_000;

/** One worker thread and its task. It runs one task at a time, so stopping it fails no other task. */
export class PoolWorker {
  readonly #thread: WorkerThread<WorkerOrder, WorkerMessage>;
  #settle: ((outcome: TaskResult | Error) => void) | undefined;
  #startedAt = 0;
  /** CPU time of the thread when the task began; `null` when unknown. */
  #cpuBefore: number | null = null;
  #hasStarted = false;
  #spentMs = 0;
  #heapBytes = 0;
  #askedAt: number | undefined;
  #neededBytes = 0;
  #isWaiting = false;
  readonly #onNeeds: PoolWorkerEvents["needs"];
  #ended: Error | undefined;

  constructor(priority: WorkerPriority, heapBudget: number, events: PoolWorkerEvents) {
    this.#onNeeds = events.needs;
    const mb = Math.ceil((HEAP_RESERVE * heapBudget) / 1024 / 1024);
    this.#thread = new WorkerThread(workerUrl("./update-worker-thread", import.meta.url), {
      data: priority,
      resourceLimits: { maxOldGenerationSizeMb: Math.max(LEAST_HEAP_LIMIT_MB, mb) },
      onMessage: (message) => this.#take(message),
      onEnded: ({ message }) => {
        this.#end(new WorkerError(`the worker failed: ${message}`));
        events.ended(this);
      },
    });
    this.#thread.unref();
  }

  get idle(): boolean {
    return this.#settle === undefined && this.#ended === undefined;
  }

  /** How long the current task has been running, in milliseconds; 0 while it waits for memory. */
  get elapsedMs(): number {
    return this.#settle === undefined || this.#isWaiting ? 0 : performance.now() - this.#startedAt;
  }

  /** The memory that the last task asked for, in bytes; 0 if it needed little. */
  get neededBytes(): number {
    return this.#neededBytes;
  }

  /** Fails the task that waits for memory before it starts. */
  refuse(reason: Error): void {
    this.#isWaiting = false;
    this.#neededBytes = 0;
    this.#settle?.(reason);
  }

  /** Starts the task that waits for memory. */
  go(): void {
    this.#isWaiting = false;
    this.#startedAt = performance.now();
    this.#thread.post("go");
  }

  /** CPU time of the current or last task, in milliseconds; as of the last measurement while it runs. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** @throws WorkerError, MalformedError, TooLargeError, or the reason for which it was stopped */
  perform(request: TaskRequest): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#startedAt = performance.now();
      this.#spentMs = 0;
      this.#heapBytes = 0;
      this.#neededBytes = 0;
      this.#isWaiting = false;
      this.#settle = (outcome) => {
        this.#settle = undefined;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      this.#thread.post(request);
    });
  }

  /** Returns the last known usage of the running task, and requests a new measurement from the thread. */
  measure(): TaskUsage {
    if (this.#settle !== undefined && this.#hasStarted) {
      const now = performance.now();
      if (this.#askedAt === undefined) void this.#ask(now);
      else if (now - this.#askedAt > UNANSWERED_MS) this.#spentMs = this.elapsedMs;
    }
    return { cpuMs: this.#spentMs, heapBytes: this.#heapBytes };
  }

  /** Stops the thread; the running task fails with the reason. */
  async stop(reason: Error): Promise<void> {
    this.#end(reason);
    await this.#thread.stop();
  }

  async #ask(now: number): Promise<void> {
    const settle = this.#settle;
    this.#askedAt = now;
    try {
      const { cpuMs, heapBytes } = await this.#thread.usage();
      if (settle !== this.#settle) return;
      this.#spentMs =
        cpuMs === undefined || this.#cpuBefore === null
          ? this.elapsedMs * ASSUMED_CPU_SHARE
          : cpuMs - this.#cpuBefore;
      if (heapBytes !== undefined) this.#heapBytes = heapBytes;
    } catch {
      // The thread has ended in the meantime; the `exit` event fails its task.
    } finally {
      this.#askedAt = undefined;
    }
  }

  #take(message: WorkerMessage): void {
    const { cpuMs } = message;
    if (message.type === "needs") {
      if (this.#settle === undefined) return;
      if (this.#cpuBefore !== null && cpuMs !== null) this.#spentMs = cpuMs - this.#cpuBefore;
      this.#neededBytes = message.bytes;
      this.#isWaiting = true;
      this.#onNeeds(this, message.bytes);
      return;
    }
    const elapsedMs = this.elapsedMs;
    const before = this.#cpuBefore;
    this.#cpuBefore = cpuMs;
    if (message.type === "started") {
      this.#hasStarted = true;
      this.#startedAt = performance.now();
      return;
    }
    this.#spentMs = cpuMs === null || before === null ? elapsedMs : cpuMs - before;
    this.#settle?.(message.type === "result" ? message.result : failureToError(message.error));
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    this.#settle?.(reason);
  }
}

function failureToError({ kind, message }: TaskFailure): Error {
  switch (kind) {
    case "malformed":
      return new MalformedError(message);
    case "too-large":
      return new TooLargeError(message);
    case "failed":
      return new TaskError(message);
  }
}
