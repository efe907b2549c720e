import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { NODE_ENVIRONMENT } from "@symphony/services/node-options";
import { serverProgram } from "@symphony/services/server-program";
import { afterAll } from "vitest";
import { fieldsOfStat } from "./thread-stat.ts";
import { waitFor } from "./wait-for.ts";

const START_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 60_000;

/** One line that the server logged. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Kept after the test. By default a temporary directory, removed when the test file ends. */
  readonly dataDir?: string;
  /** A free port by default. */
  readonly port?: number;
  readonly nodeArgs?: readonly string[];
}

const running = new Set<ChildProcess>();
const temporary = new Set<string>();

process.on("exit", killAll);
afterAll(async () => {
  const exits = [...running].map((child) => exitOf(child));
  killAll();
  await Promise.all(exits);
  await Promise.all([...temporary].map((dir) => rm(dir, { recursive: true, force: true })));
  temporary.clear();
});

/** A directory that is removed when the test file ends. */
export async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "symphony-test-"));
  temporary.add(dir);
  return dir;
}

/** A process running the real command. It is killed when the test file ends if it is still running. */
export class ServerProcess {
  readonly dataDir: string;
  readonly exited: Promise<Exit>;
  /** All lines so far that were JSON, in order. */
  readonly logs: readonly LogLine[];
  /** All lines so far that were not JSON, from both streams. */
  readonly output: readonly string[];
  readonly #child: ChildProcess;
  #exit: Exit | undefined;
  #url = "";

  constructor(child: ChildProcess, dataDir: string) {
    const logs: LogLine[] = [];
    const output: string[] = [];
    this.#child = child;
    this.dataDir = dataDir;
    this.logs = logs;
    this.output = output;
    this.exited = exitOf(child);
    void this.exited.then((exit) => {
      this.#exit = exit;
      running.delete(child);
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        const parsed = parseLog(line);
        if (parsed === null) output.push(line);
        else logs.push(parsed);
        if (parsed?.msg === "listening" && typeof parsed.url === "string") this.#url = parsed.url;
      });
    }
  }

  /** `http://127.0.0.1:<port>`; empty until the server listens. */
  get url(): string {
    return this.#url;
  }

  get wsUrl(): string {
    return this.#url.replace(/^http/, "ws");
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasExited(): boolean {
    return this.#exit !== undefined;
  }

  /** Resident memory of the whole process, in bytes. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kilobytes === undefined) throw new Error(`no resident size of process ${this.pid}`);
    return Number(kilobytes) * 1024;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops the server as an operator would, and resolves with its exit code. */
  async stop(): Promise<number | null> {
    this.signal("SIGTERM");
    await waitFor(() => this.hasExited, {
      timeout: STOP_TIMEOUT_MS,
      message: () => `the server has exited after SIGTERM:\n${this.tail()}\n${this.#threads()}`,
    });
    return (await this.exited).code;
  }

  /** Describes each of its threads: its state (R running, S sleeping, T stopped), and CPU ticks so far. */
  #threads(): string {
    const tasks = `/proc/${this.pid}/task`;
    try {
      return readdirSync(tasks)
        .map((thread) => {
          const name = readFileSync(`${tasks}/${thread}/comm`, "utf8").trim();
          const fields = fieldsOfStat(readFileSync(`${tasks}/${thread}/stat`, "utf8"));
          // State, and CPU time in user and system mode: fields 3, 14 and 15.
          return `${name} ${fields[0]} ${Number(fields[11]) + Number(fields[12])}`;
        })
        .join("\n");
    } catch (error) {
      return `its threads cannot be inspected: ${error}`;
    }
  }

  /** Kills the server without warning, like a crash. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** Its last lines of output, for the message of a failed test. */
  tail(): string {
    return [
      ...this.logs.slice(-20).map((line) => JSON.stringify(line)),
      ...this.output.slice(-20),
    ].join("\n");
  }
}

/** A shared Node.js compile cache, because hundreds of servers are started from the same source. */
const COMPILED = join(tmpdir(), "symphony-test-compiled");

/** Starts the command without waiting for it to listen. */
export async function spawnServer(
  options: ServerOptions = {},
  args: readonly string[] = [],
): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? (await temporaryDirectory());
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), serverProgram(), ...args], {
    cwd: dataDir,
    // Not the environment of the test runner: the developer's settings must not leak in.
    env: {
      PATH: process.env.PATH ?? "",
      ...NODE_ENVIRONMENT,
      NODE_COMPILE_CACHE: COMPILED,
      HOST: "127.0.0.1",
      PORT: String(options.port ?? 0),
      DATA_DIR: dataDir,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
    // In a session of its own, so that it gets its share of the CPU beside the busy processes of tests.
    detached: true,
  });
  running.add(child);
  return new ServerProcess(child, dataDir);
}

/**
 * Starts the command, and resolves once it listens.
 *
 * @throws Error with its output if it exits before that
 */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const server = await spawnServer(options);
  await waitFor(
    () => {
      if (server.hasExited) throw new Error(`the server did not start:\n${server.tail()}`);
      return server.url !== "";
    },
    {
      timeout: START_TIMEOUT_MS,
      message: () => `the server is listening:\n${server.tail()}`,
    },
  );
  return server;
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    // Not "exit": by "close", all of its output has been read.
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

function parseLog(line: string): LogLine | null {
  if (!line.startsWith("{")) return null;
  try {
    const value: unknown = JSON.parse(line);
    return isLogLine(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isLogLine(value: unknown): value is LogLine {
  return (
    typeof value === "object" &&
    value !== null &&
    "level" in value &&
    typeof value.level === "number" &&
    "msg" in value &&
    typeof value.msg === "string"
  );
}
