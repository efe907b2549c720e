import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Environment } from "./backing-services.ts";
import { freePort } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { Service } from "./service.ts";

const CLI = fileURLToPath(new URL("../../packages/server/src/cli.ts", import.meta.url));

/** One Symphony server on a free port. */
export class SymphonyServer implements Service {
  readonly #environment: Environment;
  #port = 0;
  #directory: string | undefined;
  #process: ManagedProcess | undefined;

  /** @param environment its settings, without `HOST`, `PORT` and `DATA_DIR` */
  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** 0 before the first start. */
  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#process ??= await this.#prepare();
    await this.#process.start();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  pause(): void {
    this.#process?.signal("SIGSTOP");
  }

  resume(): void {
    this.#process?.signal("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#process = undefined;
    if (this.#directory !== undefined) await rm(this.#directory, { recursive: true, force: true });
  }

  async #prepare(): Promise<ManagedProcess> {
    const port = await freePort();
    this.#port = port;
    this.#directory = await mkdtemp(join(tmpdir(), "symphony-server-"));
    return new ManagedProcess({
      command: process.execPath,
      args: ["--max-semi-space-size=8", CLI],
      env: {
        ...this.#environment,
        HOST: "127.0.0.1",
        PORT: String(port),
        DATA_DIR: this.#directory,
      },
      ready: async () => (await fetch(`${this.url}/health/live`)).ok,
    });
  }
}
