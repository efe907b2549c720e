import type { Exposition } from "../runtime/metrics/exposition.ts";
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

export function writeHooks(to: Exposition, stats: HookStats): void {
  to.counters(
    "symphony_hook_calls_total",
    "Calls of functions passed by the application.",
    "hook",
    stats.calls,
  );
  to.counters(
    "symphony_hook_failures_total",
    "Calls of such functions that threw, rejected or took too long.",
    "hook",
    stats.failures,
  );
  to.counters(
    "symphony_hook_drops_total",
    "Hook calls dropped because too many were waiting.",
    "hook",
    stats.dropped,
  );
}
