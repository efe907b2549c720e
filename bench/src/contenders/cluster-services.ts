import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { BackingServices, type Environment } from "@symphony/services/backing-services";
import { SYMPHONY_ENTRY } from "./symphony.ts";

const run = promisify(execFile);
const SETUP_TIMEOUT_MS = 60_000;

/** The services of all clusters, started with the first one, on the load generator's core. */
let services: Promise<BackingServices> | undefined;

async function startServices(): Promise<BackingServices> {
  const starting = new BackingServices();
  await starting.start();
  return starting;
}

/**
 * Returns the variables for the servers of a new cluster. It shares no data with earlier runs:
 * their servers were killed, and new ones would contact them until their leases expire.
 */
export async function newCluster(): Promise<Environment> {
  services ??= startServices();
  const running = await services;
  const name = randomUUID();
  const environment = {
    ...running.environment(),
    DATABASE_URL: await running.postgres.createDatabase(name),
    DYNAMODB_TABLE: name,
    S3_PREFIX: `${name}/`,
  };
  await run(process.execPath, [SYMPHONY_ENTRY, "setup"], {
    env: { ...process.env, ...environment },
    timeout: SETUP_TIMEOUT_MS,
  });
  return environment;
}

export async function stopClusterServices(): Promise<void> {
  const stopping = services;
  services = undefined;
  await (await stopping)?.stop();
}
