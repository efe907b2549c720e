import { fileURLToPath } from "node:url";
import { NODE_ARGS, NODE_ENVIRONMENT } from "@symphony/services/node-options";
import type { LaunchOptions } from "../process/server-process.ts";
import { Servers } from "../process/servers.ts";
import type { Contender, StartOptions } from "./contender.ts";

/** The built package, as it is installed: from source, Node would have to strip the types. */
export const SYMPHONY_ENTRY = fileURLToPath(
  new URL("../../../packages/server/dist/cli.js", import.meta.url),
);

export const symphony: Contender = {
  name: "symphony",
  description: "this server, embedded: updates are returned to their sender once durable (SQLite)",
  keepsState: true,
  persists: true,
  start: (options) => Servers.launch(symphonyProcess(options)),
};

/** @param env settings other than address and data directory */
export function symphonyProcess(
  { dataDirectory, cpus }: StartOptions,
  env: Readonly<Record<string, string>> = {},
): LaunchOptions {
  return {
    program: [...NODE_ARGS, SYMPHONY_ENTRY],
    env: {
      ...NODE_ENVIRONMENT,
      // All clients of a measurement have the same address, and would share its limit.
      MAX_LOOP_MS_PER_SECOND_PER_ADDRESS: "1000",
      ...env,
      HOST: "127.0.0.1",
      PORT: "0",
      DATA_DIR: dataDirectory,
      LOG_LEVEL: "info",
    },
    cpus,
  };
}
