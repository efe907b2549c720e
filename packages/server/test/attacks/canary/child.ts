import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const ENDS_WITHIN_MS = 5_000;

/** A program in this folder that answers each command once. */
export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;

  constructor(name: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
    this.#name = name;
    this.#process = fork(path, args, {
      execArgv: [],
      serialization: "advanced",
      // In a session of its own, so that `goFirst` gives priority to this process alone.
      detached: true,
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /**
   * @returns the child's answer
   * @throws Error if the child fails, exits, or does not answer within the time
   */
  async ask<T>(request: string, milliseconds: number): Promise<T> {
    const child = this.#process;
    return await new Promise<T>((resolve, reject) => {
      const settle = (error: Error | null, value?: unknown) => {
        clearTimeout(timer);
        child.off("message", answered);
        child.off("exit", ended);
        if (error === null) resolve(value as T);
        else reject(error);
      };
      const answered = (message: unknown) => {
        const { value, error } = message as Answer;
        settle(error === undefined ? null : new Error(`${this.#name}: ${error}`), value);
      };
      const ended = (code: number | null) =>
        settle(
          new Error(`${this.#name} exited with code ${code} instead of answering "${request}"`),
        );
      const late = () => settle(new Error(`${this.#name} did not answer "${request}"`));
      const timer = setTimeout(late, milliseconds);
      child.on("message", answered);
      child.on("exit", ended);
      child.send(request);
    });
  }

  async end(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), ENDS_WITHIN_MS);
    await ended;
    clearTimeout(timer);
  }
}

interface Answer {
  readonly value?: unknown;
  readonly error?: string;
}

/** In the child: handles the commands. */
export function answerParent(requests: Readonly<Record<string, () => Promise<unknown>>>): void {
  process.on("message", (request: string) => {
    void answer(requests[request]).then((message) => process.send?.(message));
  });
  process.on("disconnect", () => process.exit());
}

async function answer(request: (() => Promise<unknown>) | undefined): Promise<Answer> {
  try {
    if (request === undefined) throw new Error("unknown request");
    return { value: await request() };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
