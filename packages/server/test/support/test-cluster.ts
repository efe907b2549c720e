import {
  BackingServices,
  type BackingServicesOptions,
  type Environment,
} from "@symphony/services/backing-services";
import { freePorts } from "@symphony/services/free-ports";
import { afterAll } from "vitest";
import { type ServerProcess, startServer } from "./server-process.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** The proxies between one server and the others, its clients, and the services. */
interface Paths {
  /** From the other servers. */
  readonly peers: TcpProxy;
  /** From clients that choose to use it. */
  readonly clients: TcpProxy;
  /** To these services. Where PostgreSQL does the work of S3 or DynamoDB, the path is the one to it. */
  readonly redis: TcpProxy;
  readonly postgres: TcpProxy;
  readonly s3: TcpProxy;
  readonly dynamoDb: TcpProxy;
}

/** One server of a cluster. It can be restarted. */
export interface Member extends Paths {
  process: ServerProcess;
  readonly port: number;
}

export interface TestClusterOptions extends BackingServicesOptions {
  /** Additional settings of each server. */
  readonly env?: Environment;
  /** Returns the endpoint that servers use if a proxy stands between them and S3. */
  readonly s3?: (endpoint: string) => Promise<string>;
}

/** Servers with real services, for tests. Everything is removed when the test file ends. */
export class TestCluster {
  readonly services: BackingServices;
  readonly members: Member[] = [];
  #env: Environment;
  readonly #releases: (() => Promise<void>)[] = [];
  #stopped: Promise<void> | undefined;

  private constructor(services: BackingServices, env: Environment) {
    this.services = services;
    this.#env = env;
  }

  static async start(
    servers: number,
    { env = {}, s3, ...options }: TestClusterOptions = {},
  ): Promise<TestCluster> {
    const services = new BackingServices(options);
    const cluster = new TestCluster(services, env);
    afterAll(() => cluster.stop());
    await services.start();
    if (s3 !== undefined) {
      const AWS_ENDPOINT_URL_S3 = await s3(services.s3.endpoint);
      cluster.#env = { ...env, AWS_ENDPOINT_URL_S3 };
    }
    await Promise.all((await freePorts(servers)).map((port) => cluster.#add(port)));
    return cluster;
  }

  /** `ws://127.0.0.1:<port>` of each server that runs. */
  get wsUrls(): readonly string[] {
    return this.members
      .filter(({ process }) => !process.hasExited)
      .map(({ process }) => process.wsUrl);
  }

  /** The same, through the proxies for clients. */
  get clientUrls(): readonly string[] {
    return this.members
      .filter(({ process }) => !process.hasExited)
      .map(({ clients }) => `ws://127.0.0.1:${clients.port}`);
  }

  member(index: number): Member {
    const member = this.members[index];
    if (member === undefined) throw new Error(`there is no server ${index}`);
    return member;
  }

  /** Restarts a server that has stopped, at the same address. */
  async restart(member: Member): Promise<void> {
    member.process = await startServer({ port: member.port, env: this.#environment(member) });
  }

  /** Registers something to close before the servers. */
  onStop(release: () => Promise<void>): void {
    this.#releases.push(release);
  }

  /** Stops all servers and services. May be called more than once. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#releases.map((release) => release()));
    await Promise.all(
      this.members.map(async ({ process, peers, clients, redis, postgres, s3, dynamoDb }) => {
        process.signal("SIGCONT");
        await process.kill();
        const paths = new Set([peers, clients, redis, postgres, s3, dynamoDb]);
        await Promise.all(Array.from(paths, (path) => path.close()));
      }),
    );
    await this.services.stop();
  }

  async #add(port: number): Promise<void> {
    const { redis } = this.services;
    const { DATABASE_URL, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB } = this.#shared();
    const postgres = await proxyOf(DATABASE_URL);
    const pathTo = (url: string | undefined) => (url === undefined ? postgres : proxyOf(url));
    const paths: Paths = {
      peers: await TcpProxy.start(port),
      clients: await TcpProxy.start(port),
      redis: await TcpProxy.start("port" in redis ? redis.port : (redis.ports[0] ?? 0)),
      postgres,
      s3: await pathTo(AWS_ENDPOINT_URL_S3),
      dynamoDb: await pathTo(AWS_ENDPOINT_URL_DYNAMODB),
    };
    const process = await startServer({ port, env: this.#environment(paths) });
    this.members.push({ ...paths, port, process });
  }

  #shared(): Environment {
    return { ...this.services.environment(), ...this.#env };
  }

  #environment({ peers, redis, postgres, s3, dynamoDb }: Paths): Environment {
    const shared = this.#shared();
    return {
      ...shared,
      SERVER_ADDRESS: `127.0.0.1:${peers.port}`,
      // The servers of a Redis Cluster advertise each other's addresses, so a proxy would be bypassed.
      ...("port" in this.services.redis ? { REDIS_URL: `redis://127.0.0.1:${redis.port}` } : {}),
      DATABASE_URL: through(postgres, shared.DATABASE_URL),
      ...(this.services.has("s3") && {
        AWS_ENDPOINT_URL_S3: through(s3, shared.AWS_ENDPOINT_URL_S3),
      }),
      ...(this.services.has("dynamoDb") && {
        AWS_ENDPOINT_URL_DYNAMODB: through(dynamoDb, shared.AWS_ENDPOINT_URL_DYNAMODB),
      }),
    };
  }
}

async function proxyOf(url = ""): Promise<TcpProxy> {
  const { port, hostname } = new URL(url);
  return TcpProxy.start(Number(port), hostname);
}

/** The same URL, through a proxy. */
function through({ port }: TcpProxy, url = ""): string {
  const proxied = new URL(url);
  proxied.host = `127.0.0.1:${port}`;
  return proxied.href.replace(/\/$/, "");
}
