import { getPriority, platform, setPriority } from "node:os";
import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { MalformedError } from "../../protocol/malformed-error.ts";
import { TooLargeError } from "../../protocol/too-large-error.ts";
import { inspectUpdate } from "../../protocol/update.ts";
import { releaseBytes } from "../../runtime/byte-memory.ts";
import { collectGarbage, collectYoungGarbage } from "../../runtime/collect-garbage.ts";
import { reasonOf } from "../../runtime/reason.ts";
import { taskKindOf } from "./task-budget.ts";
import {
  type TaskFailure,
  type TaskRequest,
  type TaskResult,
  updateTasks,
  type WorkerMessage,
  type WorkerOrder,
  type WorkerPriority,
} from "./update-tasks.ts";

/**
 * Measured memory use of tasks, in bytes. Yjs keeps a map entry, an array and some objects for each
 * client id, so a document with many of them takes more than a hundred times its encoded size.
 */
const INTEGRATE = { perClient: 700, perStruct: 550, perByte: 5 };
const MERGE = { perClient: 550, perStruct: 50, perByte: 6 };

/** Each niceness step takes a fifth of the remaining CPU share; ten steps leave a tenth. */
const NICENESS_STEPS = 10;
const NICEST = 19;

const priority: WorkerPriority = workerData;
if (priority === "background") runInBackground();

/** A task that needs no more than this starts without asking for memory. */
const UNASKED_BYTES = 4 * 1024 * 1024;
/**
 * With more than this in use after a task, garbage is collected. A worker that has done nothing uses
 * about half of it.
 */
const KEPT_BYTES = 40 * 1024 * 1024;

/** The task that waits until memory is granted. */
let pending: TaskRequest | undefined;

parentPort?.on("message", (order: WorkerOrder) => {
  if (order !== "go") {
    const bytes = needsOf(order);
    if (bytes > UNASKED_BYTES) {
      pending = order;
      postToPool({ type: "needs", bytes, cpuMs: cpuMs() });
      return;
    }
  }
  const request = order === "go" ? pending : order;
  pending = undefined;
  if (request !== undefined) finish(request);
});
postToPool({ type: "started", cpuMs: cpuMs() });

function finish(request: TaskRequest): void {
  const message = answer(request);
  postToPool(message);
  releaseBytes(request.args);
  if (message.type === "result") releaseBytes(byteArraysOf(message.result));
  collectIfMuch();
}

/** An idle worker would keep its garbage, because nothing triggers a collection in V8. */
function collectIfMuch(): void {
  if (usedBytes() > KEPT_BYTES) collectYoungGarbage();
  if (usedBytes() > KEPT_BYTES) collectGarbage();
}

function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/** A malformed update needs no memory: the task itself reports the error. */
function needsOf(request: TaskRequest): number {
  try {
    return memoryOf(request);
  } catch (error) {
    if (error instanceof MalformedError) return 0;
    throw error;
  }
}

function postToPool(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function answer(request: TaskRequest): WorkerMessage {
  try {
    const result = perform(request);
    return { type: "result", result, cpuMs: cpuMs() };
  } catch (error) {
    return { type: "error", error: describe(error), cpuMs: cpuMs() };
  }
}

function describe(error: unknown): TaskFailure {
  const message = reasonOf(error);
  if (error instanceof MalformedError) return { kind: "malformed", message };
  if (error instanceof TooLargeError) return { kind: "too-large", message };
  return { kind: "failed", message };
}

/** The CPU time of this thread; `null` in Node 22, which does not provide it. */
function cpuMs(): number | null {
  const { threadCpuUsage } = process as Partial<Pick<NodeJS.Process, "threadCpuUsage">>;
  if (threadCpuUsage === undefined) return null;
  const { user, system } = threadCpuUsage();
  return (user + system) / 1_000;
}

/** The byte arrays of a result, which can be released once it has been copied to the other thread. */
function byteArraysOf(result: TaskResult): readonly Uint8Array[] {
  if (result instanceof Uint8Array) return [result];
  if ("ends" in result) return [result.bytes];
  return "frame" in result ? [result.frame, result.stateVector] : [];
}

function perform(request: TaskRequest): TaskResult {
  switch (request.task) {
    case "inspect":
      return updateTasks.inspect(...request.args);
    case "diff":
      return updateTasks.diff(...request.args);
    case "splitFrames":
      return updateTasks.splitFrames(...request.args);
    case "makeBase":
      return updateTasks.makeBase(...request.args);
    case "toJson":
      return updateTasks.toJson(...request.args);
    case "rootsToJson":
      return updateTasks.rootsToJson(...request.args);
  }
}

/**
 * Estimates the memory that a task takes, in bytes, garbage included. Takes one pass over its updates,
 * which is a few percent of the time of the task.
 *
 * @throws MalformedError
 */
function memoryOf(request: TaskRequest): number {
  const kind = taskKindOf(request.task, request.args);
  if (kind === "scan") return 0;
  const [updates] = request.args;
  if (!Array.isArray(updates)) return 0;
  const clients = new Set<number>();
  let structs = 0;
  let bytes = 0;
  for (const update of updates as readonly Uint8Array[]) {
    const contents = inspectUpdate(update);
    structs += contents.structs + contents.deleteRanges;
    bytes += update.length;
    for (let i = 0; i < contents.runs.length; i += 3) clients.add(contents.runs[i] ?? 0);
  }
  const { perClient, perStruct, perByte } = kind === "merge" ? MERGE : INTEGRATE;
  return clients.size * perClient + structs * perStruct + bytes * perByte;
}

/**
 * Lowers the calling worker thread's CPU share to a tenth of that of other threads. When cores are
 * scarce, the event loop and the journal take precedence, because clients wait for them.
 *
 * Only on Linux, where a priority belongs to a thread. Elsewhere it would apply to the whole
 * process.
 */
function runInBackground(): void {
  if (platform() === "linux") setPriority(Math.min(NICEST, getPriority() + NICENESS_STEPS));
}
