import type { Hooks } from "./hooks.ts";

export type HookName = keyof Hooks;

/** How the functions of the application that this server calls have fared. */
export class HookStats {
  /** How many calls have ended, also those that failed. */
  readonly calls: Map<HookName | "load", number> = new Map();
  /** Calls that threw, rejected or took too long. */
  readonly failures: Map<HookName | "load", number> = new Map();
  /** What was not told because too much waited. */
  readonly dropped: Map<HookName, number> = new Map();
}

export function count<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
