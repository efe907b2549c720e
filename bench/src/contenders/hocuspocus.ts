import { fileURLToPath } from "node:url";
import type { LaunchOptions } from "../process/server-process.ts";
import { Servers } from "../process/servers.ts";
import type { Contender, StartOptions } from "./contender.ts";

const ENTRY = fileURLToPath(new URL("./hocuspocus-entry.js", import.meta.url));

export const hocuspocus: Contender = {
  name: "hocuspocus",
  description:
    "@hocuspocus/server 4.7 with its default settings, in memory only; like its provider, clients " +
    "do not echo presence of others",
  keepsState: true,
  persists: false,
  measurements: ["case-study-small"],
  start: (options) => Servers.launch(hocuspocusProcess(options)),
};

/** @param env with `REDIS_URL`, it is one of several servers */
export function hocuspocusProcess(
  { cpus }: StartOptions,
  env: Readonly<Record<string, string>> = {},
): LaunchOptions {
  return {
    program: [ENTRY],
    env: { ...env, NODE_ENV: "production" },
    cpus,
    dialect: "hocuspocus",
  };
}
