import type { Logger } from "pino";

/** For how long the same is said once. */
const QUIET_MS = 60_000;

/**
 * A logger that says the same warning or error once a minute, whichever rooms it is about: while a
 * service is down, thousands of rooms would log one line each, and again with each attempt. The first
 * is logged as it is. The others are counted, and the count is logged when the minute is over.
 */
export function withoutRepeats(logger: Logger, quietMs: number = QUIET_MS): Logger {
  const quiet = logger.child({});
  for (const level of ["warn", "error"] as const) quiet[level] = saidOnce(logger, level, quietMs);
  return quiet;
}

function saidOnce(logger: Logger, level: "warn" | "error", quietMs: number): Logger["warn"] {
  /** How often each was said since it was logged. What is logged are constants, so there are few. */
  const repeats = new Map<string, number>();
  const end = (message: string) => {
    const count = repeats.get(message) ?? 0;
    repeats.delete(message);
    if (count > 0) logger[level]({ repeated: count }, message);
  };
  return (...args: unknown[]) => {
    const message = args.find((arg) => typeof arg === "string") ?? "";
    const count = repeats.get(message);
    if (count !== undefined) {
      repeats.set(message, count + 1);
      return;
    }
    repeats.set(message, 0);
    setTimeout(() => end(message), quietMs).unref();
    const [first, second] = args;
    if (typeof first === "string") logger[level](first);
    else logger[level](first, typeof second === "string" ? second : undefined);
  };
}
