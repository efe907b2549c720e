import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import type { ProcessOptions } from "./managed-process.ts";
import { ProcessService } from "./process-service.ts";

/** A server behind a load balancer. It need not be running yet. */
export interface BalancedServer {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** How connections are assigned: always the same server for a room, or each server in turn. */
export type Balance = "affinity" | "round-robin";

/** How to start one kind of load balancer. */
export interface LoadBalancerKind {
  readonly command: string;
  /** The log file in the directory; without it, the process's output is the log. */
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
export class LoadBalancer extends ProcessService {
  readonly #kind: LoadBalancerKind;
  readonly #servers: readonly BalancedServer[];
  readonly #balance: Balance;

  constructor(kind: LoadBalancerKind, servers: readonly BalancedServer[], balance: Balance) {
    super("balancer");
    this.#kind = kind;
    this.#servers = servers;
    this.#balance = balance;
  }

  /** `http://host:port` @throws Error before the first start */
  get url(): string {
    return this.httpUrl;
  }

  /** `ws://host:port` @throws Error before the first start */
  get wsUrl(): string {
    return this.url.replace(/^http/, "ws");
  }

  /** Returns the log of the last requests. */
  async log(): Promise<string> {
    const { directory } = this;
    if (directory === undefined || this.#kind.logFile === undefined) return this.output;
    return readFile(join(directory, this.#kind.logFile), "utf8");
  }

  protected override async prepare(port: number, directory: string): Promise<ProcessOptions> {
    const file = join(directory, "configuration");
    await writeFile(file, await this.#kind.configuration(port, this.#servers, this.#balance));
    return {
      command: this.#kind.command,
      args: this.#kind.args(file, directory),
      ready: () => accepts(port),
    };
  }
}

/** Whether the load balancer listens. The servers behind it may all be down. */
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
