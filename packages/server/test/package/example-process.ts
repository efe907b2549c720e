import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const EXAMPLES = fileURLToPath(new URL("../../../../examples/", import.meta.url));

/** One of the examples that use the library, in a process of its own. */
export class ExampleProcess {
  /** Where its documents are. */
  readonly url: string;
  readonly #child: ChildProcess;

  /** @param directory in which it keeps its data */
  static async start(name: string, directory: string): Promise<ExampleProcess> {
    const child = spawn(process.execPath, [`${EXAMPLES}${name}/server.ts`], {
      cwd: directory,
      env: { PATH: process.env.PATH ?? "", PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /^documents are at (\S+)\/<room>$/.exec(line) ?? [];
      if (url !== undefined) return new ExampleProcess(child, url);
    }
    throw new Error(`the example ${name} ended without serving`);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    // What it still says would fill the pipe.
    child.stdout?.resume();
  }

  /** Ends it as an operator does. @returns the exit code */
  async stop(): Promise<number | null> {
    const exited = once(this.#child, "exit");
    if (this.#child.exitCode === null) this.#child.kill("SIGTERM");
    else return this.#child.exitCode;
    const [code] = await exited;
    return code;
  }

  /** Ends it, if it still runs. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
