import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-ports.ts";
import { ManagedProcess, type ProcessOptions } from "./managed-process.ts";
import type { Service } from "./service.ts";

/** A service that consists of one process with one port and one directory. */
export abstract class ProcessService implements Service {
  readonly #name: string;
  #port = 0;
  #directory: string | undefined;
  #process: ManagedProcess | undefined;

  /** @param name used in the name of the directory and in messages */
  constructor(name: string) {
    this.#name = name;
  }

  /** 0 before the first start. */
  get port(): number {
    return this.#port;
  }

  /** Does nothing if it is already running. */
  async start(): Promise<void> {
    this.#process ??= await this.#prepare();
    if (this.#process.pid === undefined) await this.#process.start();
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
    this.#directory = undefined;
  }

  /** `http://127.0.0.1:<port>` @throws Error before the first start */
  protected get httpUrl(): string {
    if (this.#port === 0) throw new Error(`${this.#name} was never started`);
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Undefined before the first start and after `stop`. */
  protected get directory(): string | undefined {
    return this.#directory;
  }

  /** The last lines of the process's output. */
  protected get output(): string {
    return this.#process?.output ?? "";
  }

  /** Returns how to start the process, and writes its files into the directory. */
  protected abstract prepare(port: number, directory: string): Promise<ProcessOptions>;

  async #prepare(): Promise<ManagedProcess> {
    if (this.#port === 0) this.#port = await freePort();
    this.#directory = await mkdtemp(join(tmpdir(), `symphony-${this.#name}-`));
    return new ManagedProcess(await this.prepare(this.#port, this.#directory));
  }
}
