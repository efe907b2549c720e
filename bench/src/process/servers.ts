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

  /** Starts them at once and waits until all listen. Rejects, with none left, when one does not. */
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

  /** The first, for what one client does. */
  get endpoint(): Endpoint {
    const [first] = this.endpoints;
    if (first === undefined) throw new Error("no server was launched");
    return first;
  }

  /** From spawning the processes to the last one's line that says it listens. */
  get startMs(): number {
    return Math.max(...this.#processes.map(({ startMs }) => startMs));
  }

  /** How late the latest of their event loops has been since this was asked before. */
  async eventLoopDelay(): Promise<EventLoopDelay> {
    const delays = await Promise.all(this.#processes.map((process) => process.eventLoopDelay()));
    return {
      p99: Math.max(...delays.map(({ p99 }) => p99)),
      worst: Math.max(...delays.map(({ worst }) => worst)),
    };
  }

  /** Asks them to stop (SIGTERM) and waits; kills what has not stopped after a minute. */
  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }

  /** For servers that have nothing to save. */
  async kill(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
  }
}
