import { freePort } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import { redisCli } from "./redis-cli.ts";
import type { Service } from "./service.ts";

/** One Redis server. It has nothing on disk: after `kill` and `start` it is empty. */
export class Redis implements Service {
  readonly #args: readonly string[];
  #port = 0;
  #process: ManagedProcess | undefined;

  /** @param args more arguments of `redis-server` */
  constructor(args: readonly string[] = []) {
    this.#args = args;
  }

  /** 0 before the first start. */
  get port(): number {
    return this.#port;
  }

  /** `redis://127.0.0.1:<port>` */
  get url(): string {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Does nothing when it runs. */
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
  }

  /** How often each command was called since the start, by its name in lower case. */
  async commandStats(): Promise<ReadonlyMap<string, number>> {
    const text = await redisCli(this.#port, "INFO", "commandstats");
    const calls = new Map<string, number>();
    for (const [, name = "", count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
      calls.set(name, Number(count));
    }
    return calls;
  }

  async #prepare(): Promise<ManagedProcess> {
    const port = await freePort();
    this.#port = port;
    return new ManagedProcess({
      command: "redis-server",
      args: [
        ...["--port", String(port), "--bind", "127.0.0.1"],
        ...["--save", "", "--appendonly", "no"],
        ...this.#args,
      ],
      // An error, as for a missing password, is an answer too.
      ready: async () => (await redisCli(port, "PING")) !== "",
    });
  }
}
