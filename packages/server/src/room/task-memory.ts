import { inspectUpdate } from "../protocol/update.ts";
import { kindOf } from "./task-budget.ts";
import type { TaskRequest } from "./update-tasks.ts";

/**
 * Measured memory use of tasks, in bytes. Yjs keeps a map entry, an array and some objects for each
 * client id, so a document with many of them takes more than a hundred times its encoded size.
 */
const INTEGRATE = { perClient: 700, perStruct: 550, perByte: 5 };
const MERGE = { perClient: 550, perStruct: 50, perByte: 6 };

/**
 * Estimates the memory that a task takes, in bytes, garbage included. Takes one pass over its updates,
 * which is a few percent of the time of the task.
 *
 * @throws MalformedError
 */
export function memoryOf(request: TaskRequest): number {
  const kind = kindOf(request.task, request.args);
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
