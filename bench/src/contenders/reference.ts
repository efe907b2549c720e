import { fileURLToPath } from "node:url";
import { ServerProcess } from "../process/server-process.ts";
import type { Contender } from "./contender.ts";

const ENTRY = fileURLToPath(new URL("./reference-entry.js", import.meta.url));

export const reference: Contender = {
  name: "y-websocket-server",
  description: "@y/websocket-server 0.1.1 on ws 8, in memory only (nothing is saved)",
  keepsState: true,
  persists: false,
  start: ({ cpus }) => ServerProcess.launch({ program: [ENTRY], env: {}, cpus }),
};
