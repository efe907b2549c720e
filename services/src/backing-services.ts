import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { Ceph } from "./ceph.ts";
import { Dynalite } from "./dynamodb.ts";
import { Postgres } from "./postgres.ts";
import { Redis } from "./redis.ts";
import { RedisCluster } from "./redis-cluster.ts";
import { serverProgram } from "./server-program.ts";

/** A server's environment variables. */
export type Environment = Readonly<Record<string, string>>;

/** All services that a cluster of servers needs, on this machine. */
export class BackingServices {
  readonly redis: Redis | RedisCluster;
  readonly postgres: Postgres = new Postgres();
  readonly s3: Ceph = new Ceph();
  readonly dynamoDb: Dynalite = new Dynalite();
  readonly #secret: string = randomUUID();

  constructor({ redisCluster = false }: { redisCluster?: boolean } = {}) {
    this.redis = redisCluster ? new RedisCluster() : new Redis();
  }

  /** Starts all services and runs `symphony-backend setup` against them. */
  async start(): Promise<void> {
    const services = [this.redis, this.postgres, this.s3, this.dynamoDb];
    const started = await Promise.allSettled(services.map((service) => service.start()));
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.stop();
      throw failed.reason;
    }
    await setUp(this.environment());
  }

  async stop(): Promise<void> {
    const services = [this.redis, this.postgres, this.s3, this.dynamoDb];
    await Promise.all(services.map((service) => service.stop()));
  }

  /** The variables with which a server joins the cluster. */
  environment(): Environment {
    return {
      DATABASE_URL: this.postgres.url,
      REDIS_URL: "urls" in this.redis ? this.redis.urls.join(",") : this.redis.url,
      DYNAMODB_TABLE: "symphony",
      S3_BUCKET: "symphony",
      S3_FORCE_PATH_STYLE: "true",
      S3_UNQUOTED_IF_MATCH: "true",
      CLUSTER_SECRET: this.#secret,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: this.s3.accessKey,
      AWS_SECRET_ACCESS_KEY: this.s3.secretKey,
      AWS_ENDPOINT_URL_S3: this.s3.endpoint,
      AWS_ENDPOINT_URL_DYNAMODB: this.dynamoDb.endpoint,
    };
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
