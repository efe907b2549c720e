import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "./free-ports.ts";
import { ManagedProcess } from "./managed-process.ts";
import { redisCli } from "./redis-cli.ts";
import type { Service } from "./service.ts";

const MASTERS = 3;
const NODES = 2 * MASTERS;
const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

interface Node {
  readonly port: number;
  readonly process: ManagedProcess;
}

/**
 * A Redis Cluster of three masters, each with a replica. The cluster's configuration survives
 * `kill`; its data does not.
 */
export class RedisCluster implements Service {
  #directory = "";
  #nodes: readonly Node[] = [];

  get ports(): readonly number[] {
    return this.#nodes.map(({ port }) => port);
  }

  /** One URL for each server. */
  get urls(): readonly string[] {
    return this.ports.map((port) => `redis://127.0.0.1:${port}`);
  }

  /**
   * Starts the servers that are not running, and resolves once the cluster is complete and healthy.
   */
  async start(): Promise<void> {
    const isNew = this.#nodes.length === 0;
    if (isNew) this.#nodes = await this.#prepare();
    const stopped = this.#nodes.filter(({ process }) => process.pid === undefined);
    await Promise.all(stopped.map(({ process }) => process.start()));
    if (isNew) {
      const addresses = this.ports.map((port) => `127.0.0.1:${port}`);
      const options = ["--cluster-replicas", "1", "--cluster-yes"];
      await redisCli(this.#firstPort, "--cluster", "create", ...addresses, ...options);
    }
    await until("the Redis Cluster is healthy", () => this.#isComplete());
  }

  async kill(): Promise<void> {
    await Promise.all(this.#nodes.map(({ process }) => process.kill()));
  }

  pause(): void {
    for (const { process } of this.#nodes) process.signal("SIGSTOP");
  }

  resume(): void {
    for (const { process } of this.#nodes) process.signal("SIGCONT");
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ process }) => process.stop()));
    if (this.#directory !== "") await rm(this.#directory, { recursive: true, force: true });
    this.#nodes = [];
    this.#directory = "";
  }

  /**
   * Kills one master, as a crash would. Its replica takes over within a few seconds; `start` brings
   * the master back as a replica.
   *
   * @returns its port
   */
  async killMaster(): Promise<number> {
    const node = await this.#nodeWithRole("master");
    await node.process.kill();
    return node.port;
  }

  /** Freezes one master until `resume`. Its replica takes over. @returns its port */
  async pauseMaster(): Promise<number> {
    const node = await this.#nodeWithRole("master");
    node.process.signal("SIGSTOP");
    return node.port;
  }

  /**
   * Makes a replica take over from its master, as before maintenance, and waits until it is done.
   */
  async failover(): Promise<void> {
    const replica = await this.#nodeWithRole("slave");
    await redisCli(replica.port, "CLUSTER", "FAILOVER");
    await until("the replica has taken over", () => hasRole(replica.port, "master"));
  }

  /** Moves `count` slots from one master to another, one by one. */
  async moveSlots(count: number): Promise<void> {
    const [from, to] = await this.#masterIds();
    const options = ["--cluster-slots", String(count), "--cluster-yes"];
    const way = ["--cluster-from", from ?? "", "--cluster-to", to ?? ""];
    const address = `127.0.0.1:${this.#firstPort}`;
    await redisCli(this.#firstPort, "--cluster", "reshard", address, ...way, ...options);
  }

  async #masterIds(): Promise<string[]> {
    const nodes = await redisCli(this.#firstPort, "CLUSTER", "NODES");
    return [...nodes.matchAll(/^(\S+) \S+ (?:myself,)?master /gm)].map(([, id = ""]) => id);
  }

  async #nodeWithRole(role: "master" | "slave"): Promise<Node> {
    for (const node of this.#nodes) {
      if (node.process.pid !== undefined && (await hasRole(node.port, role))) return node;
    }
    throw new Error(`no server of the Redis Cluster is a ${role}`);
  }

  async #prepare(): Promise<readonly Node[]> {
    this.#directory = await mkdtemp(join(tmpdir(), "redis-cluster-"));
    // Explicit cluster bus ports: the default, port + 10000, may be taken.
    const ports = await freePorts(2 * NODES);
    return Promise.all(
      ports.slice(0, NODES).map(async (port, index) => {
        const directory = join(this.#directory, String(port));
        await mkdir(directory);
        const clusterPort = ports[NODES + index] ?? 0;
        return { port, process: nodeProcess(port, clusterPort, directory) };
      }),
    );
  }

  get #firstPort(): number {
    return this.#nodes[0]?.port ?? 0;
  }

  async #isComplete(): Promise<boolean> {
    const views = await Promise.all(
      this.ports.map(async (port) => {
        const [info, text, replication] = await Promise.all([
          redisCli(port, "CLUSTER", "INFO"),
          redisCli(port, "CLUSTER", "NODES"),
          redisCli(port, "INFO", "replication"),
        ]);
        const nodes = text.trim().split("\n");
        const replicas = nodes.filter((line) => line.includes("slave")).length;
        const isSound = nodes.every((line) => !/fail|handshake|noaddr/.test(line));
        const isInSync = /^(role:master|master_link_status:up)\r?$/m.test(replication);
        return info.includes("cluster_state:ok") && replicas === MASTERS && isSound && isInSync;
      }),
    );
    return views.every(Boolean);
  }
}

function nodeProcess(port: number, clusterPort: number, directory: string): ManagedProcess {
  return new ManagedProcess({
    command: "redis-server",
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1"],
      ...["--save", "", "--appendonly", "no", "--dir", directory],
      ...["--cluster-enabled", "yes", "--cluster-port", String(clusterPort)],
      ...["--cluster-node-timeout", "1000", "--cluster-allow-pubsubshard-when-down", "yes"],
      // Sync at once: a replica that has not copied its master yet cannot take over.
      ...["--repl-diskless-sync-delay", "0"],
    ],
    ready: async () => (await redisCli(port, "PING")).startsWith("PONG"),
  });
}

async function hasRole(port: number, role: "master" | "slave"): Promise<boolean> {
  return (await redisCli(port, "ROLE")).startsWith(role);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`timed out waiting until ${what}`);
    await sleep(POLL_MS);
  }
}
