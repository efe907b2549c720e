import { fileURLToPath } from "node:url";
import { ServerProcess } from "../process/server-process.ts";
import type { Contender } from "./contender.ts";

export const SYMPHONY_ENTRY = fileURLToPath(
  new URL("../../../packages/server/src/cli.ts", import.meta.url),
);

export const symphony: Contender = {
  name: "symphony",
  description: "this server, embedded: updates are returned to their sender once durable (SQLite)",
  keepsState: true,
  persists: true,
  start: ({ dataDirectory, cpus }) =>
    ServerProcess.launch({
      program: ["--max-semi-space-size=8", SYMPHONY_ENTRY],
      env: { HOST: "127.0.0.1", PORT: "0", DATA_DIR: dataDirectory, LOG_LEVEL: "info" },
      cpus,
    }),
};
