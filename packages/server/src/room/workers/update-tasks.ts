import * as Y from "yjs";
import { inspectUpdate, type UpdateContents } from "../../protocol/update.ts";
import { updatesToJson } from "../json/document-json.ts";
import type { RootNames } from "../json/root-types.ts";
import { rootsToJson } from "../json/roots-json.ts";
import { type Base, type Compaction, makeBase } from "../log/base.ts";
import { type FramedParts, splitFrames } from "../updates/split-frames.ts";

const MANY_NUMBERS = 16 * 1024;

/** The work on encoded updates that takes too long for the event loop when they are large. */
export const updateTasks = {
  /** @throws MalformedError */
  inspect: (update: Uint8Array): UpdateContents => compact(inspectUpdate(update)),
  /** What a client with this state vector lacks. */
  diff: (update: Uint8Array, stateVector: Uint8Array): Uint8Array =>
    Y.diffUpdate(update, stateVector),
  /** Splits what is too long for one message to a slow client. */
  splitFrames: (
    update: Uint8Array,
    known: Uint8Array,
    answers: boolean,
    forFast: boolean,
  ): FramedParts => splitFrames(update, known, answers, forFast),
  makeBase: (
    updates: readonly Uint8Array[],
    how: Compaction | "merge",
    source?: "log" | "stores",
  ): Base => makeBase(updates, how, source),
  /** The document formed by these updates, as JSON in UTF-8. @throws Yjs's own error */
  toJson: (updates: readonly Uint8Array[]): Uint8Array => updatesToJson(checkedUpdates(updates)),
  /** Some roots of the document as JSON in UTF-8; see `rootsToJson`. @throws Yjs's own error */
  rootsToJson: (updates: readonly Uint8Array[], roots: RootNames): Uint8Array =>
    rootsToJson(checkedUpdates(updates), roots),
};

/** Puts many numbers in shared memory, so that they are passed between threads without a copy. */
function compact(contents: UpdateContents): UpdateContents {
  const { runs } = contents;
  if (runs.length < MANY_NUMBERS) return contents;
  const shared = new Float64Array(new SharedArrayBuffer(8 * runs.length));
  shared.set(runs);
  return { ...contents, runs: shared };
}

/** Validates the updates, as invalid ones would show as an empty document. @throws MalformedError */
function checkedUpdates(updates: readonly Uint8Array[]): readonly Uint8Array[] {
  for (const update of updates) inspectUpdate(update);
  return updates;
}

export type UpdateTasks = typeof updateTasks;

/** Whether a worker yields to the other threads of the process; passed as its `workerData`. */
export type WorkerPriority = "prompt" | "background";

/** A task as sent to a worker. */
export type TaskRequest = {
  [Name in keyof UpdateTasks]: { task: Name; args: Parameters<UpdateTasks[Name]> };
}[keyof UpdateTasks];

export type TaskResult = ReturnType<UpdateTasks[keyof UpdateTasks]>;

/** A message to a worker: a task, or `go` once there is memory for the task it has. */
export type WorkerOrder = TaskRequest | "go";

/**
 * A message from a worker: it has started, it waits for the memory that its task needs, or the task has
 * ended. Errors lose their class between threads, and are sent as a `TaskFailure`.
 *
 * `cpuMs`: CPU time of the thread so far; `null` where Node does not provide it
 */
export type WorkerMessage = { readonly cpuMs: number | null } & (
  | { readonly type: "started" }
  | { readonly type: "needs"; readonly bytes: number }
  | { readonly type: "result"; readonly result: TaskResult }
  | { readonly type: "error"; readonly error: TaskFailure }
);

export interface TaskFailure {
  readonly kind: "malformed" | "too-large" | "failed";
  readonly message: string;
}
