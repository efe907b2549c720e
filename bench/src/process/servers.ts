import type { Endpoint } from "../client/websocket-client.ts";
import type { EventLoopDelay } from "./event-loop-delay.ts";
import { type LaunchOptions, ServerProcess } from "./server-process.ts";

/** The server processes of one contender, each of which serves every room. */
export class Servers {
  readonly endpoints: readonly Endpoint[];
  readonly pids: readonly number[];
  readonly #processes: readonly ServerProcess[];

  private constructor(processes: readonly ServerProcess[]) {
    this.#processes = processes;
    this.endpoints = processes.map(({ endpoint }) => endpoint);
    this.pids = processes.map(({ pid }) => pid);
  }

  /** Starts all of them and waits until they listen. If one fails, kills the others and rejects. */
  static async launch(...options: readonly LaunchOptions[]): Promise<Servers> {
    const launched = await Promise.allSettled(options.map((each) => ServerProcess.launch(each)));
    const servers = new Servers(
      launched.flatMap((result) => (result.status === "fulfilled" ? [result.value] : [])),
    );
    const failed = launched.find((result) => result.status === "rejected");
    if (failed === undefined) return servers;
    await servers.kill();
    throw failed.reason;
  }

  /** The first server, for measurements with a single client. */
  get endpoint(): Endpoint {
    const [first] = this.endpoints;
    if (first === undefined) throw new Error("no server was launched");
    return first;
  }

  /** From spawning the processes to the line with which the last one reports its URL. */
  get startMs(): number {
    return Math.max(...this.#processes.map(({ startMs }) => startMs));
  }

  /** Resolves to the worst event-loop delay of all servers since the last call. */
  async eventLoopDelay(): Promise<EventLoopDelay> {
    const delays = await Promise.all(this.#processes.map((process) => process.eventLoopDelay()));
    return {
      p99: Math.max(...delays.map(({ p99 }) => p99)),
      worst: Math.max(...delays.map(({ worst }) => worst)),
    };
  }

  /** Asks them to stop (SIGTERM) and waits; kills those that have not stopped after a minute. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }

  /** Kills them; for servers that need not store anything. */
  async kill(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
  }
}
