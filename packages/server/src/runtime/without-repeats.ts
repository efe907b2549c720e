import type { Logger } from "pino";

/** How long repeats of a message are suppressed. */
const QUIET_MS = 60_000;

/**
 * Returns a logger that logs each warning or error at most once a minute, regardless of the room:
 * while a service is down, thousands of rooms would log a line each on every attempt. The first
 * occurrence is logged as it is. The others are counted, and the count is logged when the minute is
 * over.
 */
export function withoutRepeats(logger: Logger, quietMs: number = QUIET_MS): Logger {
  const quiet = logger.child({});
  for (const level of ["warn", "error"] as const) quiet[level] = saidOnce(logger, level, quietMs);
  return quiet;
}

function saidOnce(logger: Logger, level: "warn" | "error", quietMs: number): Logger["warn"] {
  /** Suppressed repeats by message. Messages are constants, so there are few. */
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
