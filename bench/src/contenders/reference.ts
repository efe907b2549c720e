import { fileURLToPath } from "node:url";
import { Servers } from "../process/servers.ts";
import type { Contender } from "./contender.ts";

const ENTRY = fileURLToPath(new URL("./reference-entry.js", import.meta.url));

export const reference: Contender = {
  name: "y-websocket-server",
  description: "@y/websocket-server 0.1.1 on ws 8, in memory only (nothing is stored)",
  keepsState: true,
  persists: false,
  start: ({ cpus }) => Servers.launch({ program: [ENTRY], env: {}, cpus }),
};
