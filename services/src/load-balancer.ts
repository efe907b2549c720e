import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { Service } from "./service.ts";

/** A server behind a load balancer. It need not be up yet. */
export interface BalancedServer {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Which server a connection comes to: always the same one for a room, or each in turn. */
export type Balance = "affinity" | "round-robin";

/** How to start a kind of load balancer. */
export interface LoadBalancerKind {
  readonly command: string;
  /** In the directory; without it, the log is what the process writes. */
  readonly logFile?: string;
  args(file: string, directory: string): readonly string[];
  /** The text of its configuration. */
  configuration(
    port: number,
    servers: readonly BalancedServer[],
    balance: Balance,
  ): Promise<string>;
}

/** A load balancer in front of servers that may come and go. */
export class LoadBalancer implements Service {
  readonly #kind: LoadBalancerKind;
  readonly #servers: readonly BalancedServer[];
  readonly #balance: Balance;
  #port: number | undefined;
  #directory: string | undefined;
  #process: ManagedProcess | undefined;

  constructor(kind: LoadBalancerKind, servers: readonly BalancedServer[], balance: Balance) {
    this.#kind = kind;
    this.#servers = servers;
    this.#balance = balance;
  }

  /** `http://host:port` @throws Error before the first start */
  get url(): string {
    if (this.#port === undefined) throw new Error("the load balancer was never started");
    return `http://127.0.0.1:${this.#port}`;
  }

  /** `ws://host:port` @throws Error before the first start */
  get wsUrl(): string {
    return this.url.replace(/^http/, "ws");
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
    this.#directory = undefined;
  }

  /** What it logged of the last requests. */
  async log(): Promise<string> {
    if (this.#directory === undefined || this.#kind.logFile === undefined) {
      return this.#process?.output ?? "";
    }
    return readFile(join(this.#directory, this.#kind.logFile), "utf8");
  }

  async #prepare(): Promise<ManagedProcess> {
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), "symphony-balancer-"));
    this.#port = port;
    this.#directory = directory;
    const file = join(directory, "configuration");
    await writeFile(file, await this.#kind.configuration(port, this.#servers, this.#balance));
    return new ManagedProcess({
      command: this.#kind.command,
      args: this.#kind.args(file, directory),
      ready: () => accepts(port),
    });
  }
}

/** Whether something listens there. The servers behind it may all be down. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
