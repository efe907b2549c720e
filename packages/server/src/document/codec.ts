import { Worker } from "node:worker_threads";
import { MalformedError } from "../protocol/malformed-error.ts";
import { workerUrl } from "../runtime/worker-url.ts";
import {
  type CodecRequest,
  type CodecResponse,
  type CodecTasks,
  codecTasks,
  type WorkerPriority,
} from "./codec-tasks.ts";

/** A worker thread did not finish a task: it died, or it took too long and was ended. */
export class CodecError extends Error {
  override readonly name = "CodecError";
}

/** Up to this size a task runs on the event loop: sending it to a worker would cost more. */
export const INLINE_BYTES = 32 * 1024;
/** The same for tasks that only walk over the bytes of one update, at some 250 MB a second. */
export const INLINE_SCAN_BYTES = 256 * 1024;
/** No honest document takes this long. The worker that hangs is ended, and the task fails. */
const TASK_TIMEOUT_MS = 120_000;
/**
 * How long an idle worker is kept. Its heap keeps much of what the largest document took, and is
 * only given back when it ends.
 */
const IDLE_MS = 5_000;
/** Of each kind two, so that one large document does not keep all others waiting. */
const WORKERS = 2;

interface Task {
  readonly request: CodecRequest;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Runs tasks on encoded updates: small ones at once, large ones in worker threads that are started
 * when they are first needed. Tasks of different workers finish in any order.
 */
export class Codec {
  /** Somebody waits for these tasks, such as who opens a document. */
  readonly #prompt: Lanes = new Lanes("prompt");
  /** These give way to everything else. */
  readonly #background: Lanes = new Lanes("background");
  #hurried = false;
  #closed = false;

  /** Small tasks run before the call returns; the result is a promise all the same. */
  run<Name extends keyof CodecTasks>(
    task: Name,
    ...args: Parameters<CodecTasks[Name]>
  ): Promise<ReturnType<CodecTasks[Name]>> {
    return this.#run(this.#prompt, task, args);
  }

  /** The same for what nobody waits for: where cores are scarce, it is done when others rest. */
  runInBackground<Name extends keyof CodecTasks>(
    task: Name,
    ...args: Parameters<CodecTasks[Name]>
  ): Promise<ReturnType<CodecTasks[Name]>> {
    return this.#run(this.#hurried ? this.#prompt : this.#background, task, args);
  }

  /** From now on nothing is done in the background: it is waited for, as by a shutdown. */
  hurry(): void {
    this.#hurried = true;
  }

  /** Ends the workers; tasks under way fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#prompt.stop(), this.#background.stop()]);
  }

  async #run<Name extends keyof CodecTasks>(
    lanes: Lanes,
    task: Name,
    args: Parameters<CodecTasks[Name]>,
  ): Promise<ReturnType<CodecTasks[Name]>> {
    if (sizeOf(args) <= inlineBytes(task, args)) {
      const perform = codecTasks[task] as (...args: unknown[]) => ReturnType<CodecTasks[Name]>;
      return perform(...args);
    }
    if (this.#closed) throw new CodecError("the codec is closed");
    return new Promise((resolve, reject) => {
      lanes.next().add({ task, args } as Omit<CodecRequest, "id">, resolve, reject);
    });
  }
}

/** The workers of one kind. */
class Lanes {
  readonly #priority: WorkerPriority;
  readonly #lanes: Lane[] = [];

  constructor(priority: WorkerPriority) {
    this.#priority = priority;
  }

  /** The lane with the least to do. */
  next(): Lane {
    const idle = this.#lanes.find((lane) => lane.size === 0);
    if (idle !== undefined) return idle;
    if (this.#lanes.length < WORKERS) {
      const lane = new Lane(this.#priority);
      this.#lanes.push(lane);
      return lane;
    }
    return this.#lanes.reduce((best, lane) => (lane.size < best.size ? lane : best));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.stop("the codec is closed")));
  }
}

/** One worker thread and the tasks that it has been given. */
class Lane {
  readonly #priority: WorkerPriority;
  #worker: Worker | undefined;
  #tasks: Map<number, Task> = new Map();
  #nextId = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(priority: WorkerPriority) {
    this.#priority = priority;
  }

  get size(): number {
    return this.#tasks.size;
  }

  add(
    request: Omit<CodecRequest, "id">,
    resolve: (result: never) => void,
    reject: (error: Error) => void,
  ): void {
    const id = this.#nextId++;
    const task = { request: { ...request, id } as CodecRequest, resolve, reject };
    this.#tasks.set(id, task);
    this.#worker ??= this.#start();
    this.#worker.postMessage(task.request);
    if (this.#tasks.size === 1) this.#watch();
  }

  async stop(reason: string): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    const tasks = [...this.#tasks.values()];
    this.#tasks.clear();
    for (const task of tasks) task.reject(new CodecError(reason));
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl("./codec-worker", import.meta.url), {
      workerData: this.#priority,
    });
    worker.unref();
    worker.on("message", (response: CodecResponse) => this.#settle(response));
    worker.on("error", (error) => {
      if (worker === this.#worker) void this.stop(`the worker failed: ${error.message}`);
    });
    worker.on("exit", (code) => {
      if (worker === this.#worker) void this.stop(`the worker exited with ${code}`);
    });
    return worker;
  }

  #settle(response: CodecResponse): void {
    const task = this.#tasks.get(response.id);
    if (task === undefined) return;
    this.#tasks.delete(response.id);
    this.#watch();
    if ("result" in response) task.resolve(response.result as never);
    else if (response.error.malformed) task.reject(new MalformedError(response.error.message));
    else task.reject(new CodecError(response.error.message));
  }

  /** The task at the head has the whole time to itself; without one the worker ends after a while. */
  #watch(): void {
    clearTimeout(this.#timer);
    const [ms, reason] =
      this.#tasks.size === 0
        ? [IDLE_MS, "the worker was idle"]
        : [TASK_TIMEOUT_MS, `no answer within ${TASK_TIMEOUT_MS} ms`];
    this.#timer = setTimeout(() => void this.stop(reason), ms).unref();
  }
}

/** Up to which size a task runs on the event loop. */
function inlineBytes(task: keyof CodecTasks, [updates, how]: readonly unknown[]): number {
  if (task === "diff") return INLINE_BYTES;
  if (task === "inspect") return INLINE_SCAN_BYTES;
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
