import { HaProxy } from "@symphony/services/haproxy";
import { type LogLine, type ServerOptions, temporaryDirectory } from "./server-process.ts";
import { TestCluster } from "./test-cluster.ts";
import type { TestServer } from "./test-server.ts";
import { waitFor } from "./wait-for.ts";

const SERVERS = 3;

/** Clusters by the data directory of the equivalent single server, so that they can be restarted. */
const known = new Map<string, ClusterAsServer>();

/** Three servers behind a load balancer that spreads every room over them, as if they were one. */
export class ClusterAsServer implements TestServer {
  readonly dataDir: string;
  readonly #cluster: TestCluster;
  readonly #balancer: HaProxy;

  private constructor(dataDir: string, cluster: TestCluster, balancer: HaProxy) {
    this.dataDir = dataDir;
    this.#cluster = cluster;
    this.#balancer = balancer;
  }

  static async start({ dataDir, env = {} }: ServerOptions): Promise<ClusterAsServer> {
    const before = dataDir === undefined ? undefined : known.get(dataDir);
    if (before !== undefined) {
      await before.#startAgain();
      return before;
    }
    const directory = dataDir ?? (await temporaryDirectory());
    const cluster = await TestCluster.start(SERVERS, { env });
    const servers = cluster.members.map(({ port }, i) => ({
      name: `server-${i}`,
      host: "127.0.0.1",
      port,
    }));
    const balancer = new HaProxy(servers, "round-robin");
    cluster.onStop(() => balancer.stop());
    await balancer.start();
    const started = new ClusterAsServer(directory, cluster, balancer);
    known.set(directory, started);
    await started.#isServed();
    return started;
  }

  get url(): string {
    return this.#balancer.url;
  }

  get wsUrl(): string {
    return this.#balancer.wsUrl;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get logs(): readonly LogLine[] {
    return this.#cluster.members.flatMap(({ process }) => process.logs);
  }

  get hasExited(): boolean {
    return this.#cluster.members.some(({ process }) => process.hasExited);
  }

  async stop(): Promise<number | null> {
    const codes = await Promise.all(this.#cluster.members.map(({ process }) => process.stop()));
    return codes.find((code) => code !== 0) ?? 0;
  }

  async kill(): Promise<void> {
    await Promise.all(this.#cluster.members.map(({ process }) => process.kill()));
  }

  tail(): string {
    return this.#cluster.members.map(({ process }) => process.tail()).join("\n---\n");
  }

  async #startAgain(): Promise<void> {
    await Promise.all(this.#cluster.members.map((member) => this.#cluster.restart(member)));
    await this.#isServed();
  }

  /** The load balancer takes a moment to notice that servers are available. */
  async #isServed(): Promise<void> {
    await waitFor(async () => (await fetch(`${this.url}/health/live`)).ok, {
      message: "the load balancer has found its servers",
    });
  }
}
