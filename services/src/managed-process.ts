import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Resolves to true once the service responds; until then it rejects or resolves to false. */
  readonly ready: () => Promise<boolean>;
  /** How long it may take to respond, in milliseconds. */
  readonly startTimeout?: number;
}

const OUTPUT_LINES = 30;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * A child process that can be stopped and restarted. It does not outlive this process.
 *
 * It is in a session of its own, because Linux divides CPU time among sessions first: in a session with
 * busy processes, Ceph takes a hundred times as long to start.
 */
export class ManagedProcess {
  readonly #options: ProcessOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #output: string[] = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
  }

  /** Undefined while it is not running. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The last lines of its output. */
  get output(): string {
    return this.#output.join("");
  }

  /** Starts it, and resolves once it responds. @throws Error with its output */
  async start(): Promise<void> {
    const { command, args, env, cwd, ready, startTimeout = 30_000 } = this.#options;
    // `--pdeathsig` also ends it if this process is killed and cannot do so itself.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    running.add(child);
    this.#child = child;
    this.#output = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text: Buffer) => {
        this.#output.push(text.toString());
        if (this.#output.length > OUTPUT_LINES) this.#output.shift();
      });
    }
    let failure: string | undefined;
    this.#exited = new Promise((resolve) => {
      const ended = (reason: string) => {
        failure ??= reason;
        running.delete(child);
        if (this.#child === child) this.#child = undefined;
        resolve();
      };
      child.once("error", (error) => ended(error.message));
      child.once("exit", (code, signal) => ended(`it exited with ${code ?? signal}`));
    });
    const deadline = Date.now() + startTimeout;
    while (!(await answers(ready))) {
      if (Date.now() > deadline) failure ??= `it did not respond within ${startTimeout} ms`;
      if (failure !== undefined) {
        child.kill("SIGKILL");
        throw new Error(`${command} did not start: ${failure}\n${this.output}`);
      }
      await sleep(POLL_MS);
    }
  }

  /** Sends it a signal if it is running. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#exited;
  }

  /** Asks it to exit, and kills it if it does not. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.signal("SIGCONT");
    this.signal(signal);
    const late = setTimeout(() => this.signal("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(late);
  }
}

async function answers(ready: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ready();
  } catch {
    // It does not respond yet; its output says why.
    return false;
  }
}
