import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { Ceph } from "./ceph.ts";
import { Dynalite } from "./dynamodb.ts";
import { Postgres } from "./postgres.ts";
import { Redis } from "./redis.ts";
import { RedisCluster } from "./redis-cluster.ts";
import { serverProgram } from "./server-program.ts";
import type { Service } from "./service.ts";

/** A server's environment variables. */
export type Environment = Readonly<Record<string, string>>;

/** A service that a cluster can do without: then PostgreSQL does its work. */
export type OptionalService = "s3" | "dynamoDb";

export interface BackingServicesOptions {
  readonly redisCluster?: boolean;
  /** These are not started, and servers are not told of them. */
  readonly without?: readonly OptionalService[];
}

/** The services that a cluster of servers uses, on this machine. */
export class BackingServices {
  readonly redis: Redis | RedisCluster;
  readonly postgres: Postgres = new Postgres();
  readonly s3: Ceph = new Ceph();
  readonly dynamoDb: Dynalite = new Dynalite();
  readonly #without: readonly OptionalService[];
  readonly #secret: string = randomUUID();

  constructor({ redisCluster = false, without = [] }: BackingServicesOptions = {}) {
    this.redis = redisCluster ? new RedisCluster() : new Redis();
    this.#without = without;
  }

  /** Whether servers use this service. */
  has(service: OptionalService): boolean {
    return !this.#without.includes(service);
  }

  /** Starts all services and runs `symphony-backend setup` against them. */
  async start(): Promise<void> {
    const started = await Promise.allSettled(this.#used().map((service) => service.start()));
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.stop();
      throw failed.reason;
    }
    await setUp(this.environment());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#used().map((service) => service.stop()));
  }

  /** The variables with which a server joins the cluster. */
  environment(): Environment {
    return {
      DATABASE_URL: this.postgres.url,
      REDIS_URL: "urls" in this.redis ? this.redis.urls.join(",") : this.redis.url,
      CLUSTER_SECRET: this.#secret,
      ...(this.has("s3") && {
        S3_BUCKET: "symphony",
        S3_FORCE_PATH_STYLE: "true",
        S3_UNQUOTED_IF_MATCH: "true",
        AWS_ENDPOINT_URL_S3: this.s3.endpoint,
      }),
      ...(this.has("dynamoDb") && {
        DYNAMODB_TABLE: "symphony",
        AWS_ENDPOINT_URL_DYNAMODB: this.dynamoDb.endpoint,
      }),
      ...((this.has("s3") || this.has("dynamoDb")) && {
        AWS_REGION: "us-east-1",
        AWS_ACCESS_KEY_ID: this.s3.accessKey,
        AWS_SECRET_ACCESS_KEY: this.s3.secretKey,
      }),
    };
  }

  #used(): readonly Service[] {
    return [
      this.redis,
      this.postgres,
      ...(this.has("s3") ? [this.s3] : []),
      ...(this.has("dynamoDb") ? [this.dynamoDb] : []),
    ];
  }
}

/** Runs `symphony-backend setup`. @throws Error with its output */
async function setUp(environment: Environment): Promise<void> {
  const child = spawn(process.execPath, [serverProgram(), "setup"], {
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text: Buffer) => {
      output += text.toString();
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`symphony-backend setup failed:\n${output}`);
}
