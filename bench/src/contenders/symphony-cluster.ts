import { randomUUID } from "node:crypto";
import { BackingServices } from "@symphony/services/backing-services";
import { ServerProcess } from "../process/server-process.ts";
import type { Contender } from "./contender.ts";
import { SYMPHONY_ENTRY } from "./symphony.ts";

/** Started with the first server, on the core of the load generator. */
let services: Promise<BackingServices> | undefined;

async function startServices(): Promise<BackingServices> {
  const starting = new BackingServices();
  await starting.start();
  return starting;
}

export const symphonyCluster: Contender = {
  name: "symphony-cluster",
  description:
    "this server in a cluster of one: updates are returned to their sender once durable (PostgreSQL); " +
    "Redis, PostgreSQL, S3 (Ceph) and DynamoDB (dynalite) run on the load generator's core",
  keepsState: true,
  persists: true,
  measurements: ["case-study"],
  start: async ({ dataDirectory, cpus }) => {
    services ??= startServices();
    const running = await services;
    // What an earlier run has stored must not be there.
    const name = randomUUID();
    return ServerProcess.launch({
      program: ["--max-semi-space-size=8", SYMPHONY_ENTRY],
      env: {
        ...running.environment(),
        DATABASE_URL: await running.postgres.createDatabase(name),
        S3_PREFIX: `${name}/`,
        HOST: "127.0.0.1",
        PORT: "0",
        DATA_DIR: dataDirectory,
        LOG_LEVEL: "info",
      },
      cpus,
    });
  },
  release: async () => {
    await (await services)?.stop();
    services = undefined;
  },
};
