import type { ProcessOptions } from "./managed-process.ts";
import { ProcessService } from "./process-service.ts";
import { redisCli } from "./redis-cli.ts";

/** One Redis server, without persistence: after `kill` and `start` it is empty. */
export class Redis extends ProcessService {
  readonly #args: readonly string[];

  /** @param args further arguments for `redis-server` */
  constructor(args: readonly string[] = []) {
    super("redis");
    this.#args = args;
  }

  /** `redis://127.0.0.1:<port>` */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Returns how often each command was called since the start, by its name in lower case. */
  async commandStats(): Promise<ReadonlyMap<string, number>> {
    const text = await redisCli(this.port, "INFO", "commandstats");
    const calls = new Map<string, number>();
    for (const [, name = "", count] of text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
      calls.set(name, Number(count));
    }
    return calls;
  }

  protected override async prepare(port: number): Promise<ProcessOptions> {
    return {
      command: "redis-server",
      args: [
        ...["--port", String(port), "--bind", "127.0.0.1"],
        ...["--save", "", "--appendonly", "no"],
        ...this.#args,
      ],
      // An error, such as for a missing password, counts as a reply too.
      ready: async () => (await redisCli(port, "PING")) !== "",
    };
  }
}
