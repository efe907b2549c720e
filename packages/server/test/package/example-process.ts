import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const EXAMPLES = fileURLToPath(new URL("../../../../examples/", import.meta.url));

/** One of the library examples, in its own process. */
export class ExampleProcess {
  /** The URL of its documents. */
  readonly url: string;
  readonly #child: ChildProcess;

  /** @param directory where it stores its data */
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
    throw new Error(`the example ${name} exited without serving`);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    // Unread output would fill the pipe.
    child.stdout?.resume();
  }

  /** Stops it as an operator would. @returns the exit code */
  async stop(): Promise<number | null> {
    const exited = once(this.#child, "exit");
    if (this.#child.exitCode === null) this.#child.kill("SIGTERM");
    else return this.#child.exitCode;
    const [code] = await exited;
    return code;
  }

  /** Kills it if it is still running. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
