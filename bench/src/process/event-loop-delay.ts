import type { ChildProcessByStdio } from "node:child_process";
import { on } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** In milliseconds past the due time. */
export interface EventLoopDelay {
  readonly p99: number;
  readonly worst: number;
}

export type ChildWithOutput = ChildProcessByStdio<null, Readable, Readable>;

const PRELOAD = fileURLToPath(new URL("./event-loop-delay-preload.cjs", import.meta.url));
const ANSWER_TIMEOUT_MS = 10_000;

/** The variables for a Node process that reports its event-loop delay on request. */
export const TELLS_EVENT_LOOP_DELAY: Readonly<Record<string, string>> = {
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --require="${PRELOAD}"`,
};

/** Resolves to the delay since the last request. Rejects without an answer within 10 s. */
export async function eventLoopDelayOf(child: ChildWithOutput): Promise<EventLoopDelay> {
  const lines = createInterface(child.stdout);
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  child.kill("SIGUSR2");
  try {
    for await (const [line] of on(lines, "line", { signal, close: ["close"] })) {
      const delay = parse(String(line));
      if (delay !== undefined) return delay;
    }
  } catch (cause) {
    const seconds = ANSWER_TIMEOUT_MS / 1000;
    throw new Error(`a server did not report its event-loop delay within ${seconds} s`, { cause });
  } finally {
    lines.close();
    child.stdout.resume();
  }
  throw new Error("a server exited when asked for its event-loop delay");
}

function parse(line: string): EventLoopDelay | undefined {
  if (!line.startsWith('{"msg":"event-loop-delay"')) return undefined;
  const { p99, worst }: { p99: number; worst: number } = JSON.parse(line);
  return { p99, worst };
}
