import type { Hooks } from "./hooks.ts";

export type HookName = keyof Hooks;

/** Counts of this server's calls to functions passed by the application. */
export class HookStats {
  /** Calls made, including those that failed. */
  readonly calls: Map<HookName | "load", number> = new Map();
  /** Calls that threw, rejected or took too long. */
  readonly failures: Map<HookName | "load", number> = new Map();
  /** Events dropped because too much was waiting. */
  readonly dropped: Map<HookName, number> = new Map();
}

export function increment<Name>(counts: Map<Name, number>, name: Name): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
