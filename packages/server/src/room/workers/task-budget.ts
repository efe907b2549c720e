import { memoryOfMachine } from "../../runtime/memory-limit.ts";
import type { UpdateTasks } from "./update-tasks.ts";

/** What a task may use, in milliseconds of CPU time. */
export interface TaskBudget {
  /** How long it may occupy one of the workers that all rooms share. */
  readonly sharedMs: number;
  /** How long it may take in the penalty pool. */
  readonly totalMs: number;
}

// An ordinary document takes 0.1 to 0.3 µs per byte to integrate; a worker that has just started is
// several times slower at first.
const SHARED_MS = 250;
const SHARED_MS_PER_BYTE = 0.4 / 1_000;
const TOTAL_MS = 3_000;
const TOTAL_MS_PER_BYTE = 1 / 1_000;
const MOST_TOTAL_MS = 30_000;

export function budgetOf(bytes: number): TaskBudget {
  const sharedMs = SHARED_MS + bytes * SHARED_MS_PER_BYTE;
  const totalMs = Math.min(MOST_TOTAL_MS, TOTAL_MS + bytes * TOTAL_MS_PER_BYTE);
  return { sharedMs: Math.min(sharedMs, totalMs), totalMs };
}

/** Expected CPU time of a task, in milliseconds; the fair queue orders tasks by it. */
export function expectedMs(bytes: number): number {
  return 1 + (bytes * SHARED_MS_PER_BYTE) / 2;
}

/**
 * Tasks whose cost has the same cause. A room that exceeded its budget with one kind is penalized for that
 * kind for a while; its other tasks run as before.
 */
export type TaskKind = "scan" | "merge" | "integrate";

export function taskKindOf(task: keyof UpdateTasks, [updates, how]: readonly unknown[]): TaskKind {
  switch (task) {
    case "inspect":
    case "diff":
    case "splitFrames":
      return "scan";
    case "makeBase":
      if (how !== "merge") return "integrate";
      return Array.isArray(updates) && updates.length === 1 ? "scan" : "merge";
    case "toJson":
    case "rootsToJson":
      return "integrate";
  }
}

const LEAST_HEAP_BYTES = 96 * 1024 * 1024;
const MOST_HEAP_BYTES = 4 * 1024 * 1024 * 1024;
const SHARE_OF_MEMORY = 1 / 4;

/** The heap that all workers of a process may use together: a quarter of its memory, within bounds. */
export function heapBudget(memory: number = memoryOfMachine()): number {
  return Math.min(MOST_HEAP_BYTES, Math.max(LEAST_HEAP_BYTES, memory * SHARE_OF_MEMORY));
}
