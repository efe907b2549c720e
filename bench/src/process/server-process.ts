import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DialectName } from "../client/dialects.ts";
import type { Endpoint } from "../client/websocket-client.ts";
import { own } from "./children.ts";
import { onCpus } from "./cpus.ts";
import {
  type ChildWithOutput,
  type EventLoopDelay,
  eventLoopDelayOf,
  TELLS_EVENT_LOOP_DELAY,
} from "./event-loop-delay.ts";

export interface LaunchOptions {
  /** The program's file and arguments, run by the current Node. */
  readonly program: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cpus: string | undefined;
  /** The dialect of its clients; `y-websocket` if absent. */
  readonly dialect?: DialectName;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const KEPT_ERROR_CHARACTERS = 2_000;

/**
 * A server in its own process. It reports its URL in a JSON line: `{"msg":"listening","url":…}`.
 */
export class ServerProcess {
  readonly pid: number;
  readonly endpoint: Endpoint;
  /** From spawning to the line that reports the URL. */
  readonly startMs: number;
  readonly #child: ChildWithOutput;

  private constructor(child: ChildWithOutput, pid: number, endpoint: Endpoint, startMs: number) {
    this.#child = child;
    this.pid = pid;
    this.endpoint = endpoint;
    this.startMs = startMs;
  }

  /** Starts the program and waits until it listens. Rejects if it exits or takes over a minute. */
  static launch(options: LaunchOptions): Promise<ServerProcess> {
    const { dialect = "y-websocket" } = options;
    return new Promise((resolve, reject) => {
      const startedAt = performance.now();
      const [command = "", ...args] = onCpus(options.cpus, [process.execPath, ...options.program]);
      const child = spawn(command, args, {
        env: { ...process.env, ...options.env, ...TELLS_EVENT_LOOP_DELAY },
        stdio: ["ignore", "pipe", "pipe"],
      });
      own(child);
      let errors = "";
      const fail = (reason: string): void => {
        clearTimeout(timer);
        child.kill("SIGKILL");
        reject(new Error(`${options.program.join(" ")}: ${reason}\n${errors}`));
      };
      const timer = setTimeout(() => fail("did not listen in time"), START_TIMEOUT_MS);
      child.once("error", (error) => fail(error.message));
      child.once("exit", (code, signal) => fail(`ended with ${code ?? signal}`));
      child.stderr.on("data", (data: Buffer) => {
        errors = (errors + data.toString()).slice(-KEPT_ERROR_CHARACTERS);
      });
      const lines = createInterface(child.stdout);
      lines.on("line", (line) => {
        const url = listeningUrl(line);
        if (url === undefined || child.pid === undefined) return;
        clearTimeout(timer);
        lines.close();
        child.stdout.resume();
        const endpoint = { host: url.hostname, port: Number(url.port), dialect };
        resolve(new ServerProcess(child, child.pid, endpoint, performance.now() - startedAt));
      });
    });
  }

  /** Resolves to the event-loop delay since the last call. */
  eventLoopDelay(): Promise<EventLoopDelay> {
    return eventLoopDelayOf(this.#child);
  }

  /** Asks it to stop (SIGTERM) and waits; kills it if it has not stopped after a minute. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Kills it; for servers that need not store anything. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }
}

function listeningUrl(line: string): URL | undefined {
  if (!line.startsWith("{")) return undefined;
  const entry: { msg?: unknown; url?: unknown } = JSON.parse(line);
  return entry.msg === "listening" && typeof entry.url === "string"
    ? new URL(entry.url)
    : undefined;
}
