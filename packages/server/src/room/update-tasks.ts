import * as Y from "yjs";
import { inspectUpdate, type UpdateContents } from "../protocol/update.ts";
import { type Base, type Compaction, makeBase } from "./base.ts";
import { updatesToJson } from "./json.ts";
import type { RootNames } from "./root-types.ts";
import { rootsToJson } from "./roots-json.ts";
import { type FramedParts, splitFrames } from "./split-frames.ts";

const MANY_NUMBERS = 16 * 1024;

/** The work on encoded updates that takes too long for the event loop when they are large. */
export const updateTasks = {
  /** @throws MalformedError */
  inspect: (update: Uint8Array): UpdateContents => compact(inspectUpdate(update)),
  /** What a client with this state vector lacks. */
  diff: (update: Uint8Array, stateVector: Uint8Array): Uint8Array =>
    Y.diffUpdate(update, stateVector),
  /** What is too long for one message of a slow client. */
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
  /** The document that these updates are, as JSON in UTF-8. @throws Error of Yjs */
  toJson: (updates: readonly Uint8Array[]): Uint8Array => updatesToJson(understood(updates)),
  /** Some roots of the document as JSON in UTF-8; see `rootsToJson`. @throws Error of Yjs */
  rootsToJson: (updates: readonly Uint8Array[], roots: RootNames): Uint8Array =>
    rootsToJson(understood(updates), roots),
};

/** Many numbers are passed from thread to thread without a copy. */
function compact(contents: UpdateContents): UpdateContents {
  const { runs } = contents;
  if (runs.length < MANY_NUMBERS) return contents;
  const shared = new Float64Array(new SharedArrayBuffer(8 * runs.length));
  shared.set(runs);
  return { ...contents, runs: shared };
}

/** What is no update would show as an empty document. @throws MalformedError */
function understood(updates: readonly Uint8Array[]): readonly Uint8Array[] {
  for (const update of updates) inspectUpdate(update);
  return updates;
}

export type UpdateTasks = typeof updateTasks;

/** Whether a worker gives way to the other threads of the process; its `workerData`. */
export type WorkerPriority = "prompt" | "background";

/** One task as it is sent to a worker. */
export type TaskRequest = {
  [Name in keyof UpdateTasks]: { task: Name; args: Parameters<UpdateTasks[Name]> };
}[keyof UpdateTasks];

export type TaskResult = ReturnType<UpdateTasks[keyof UpdateTasks]>;

/** What a worker is sent: a task, or the word that there is memory for the one it has. */
export type WorkerOrder = TaskRequest | "go";

/**
 * What a worker says: that it has started, how many bytes of memory its task needs and that it waits
 * for them, or how the task ended. Errors cross threads as what is left
 * of them.
 *
 * `cpuMs`: what the thread has taken so far; `null` where Node cannot tell
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
