import { fileURLToPath } from "node:url";
import { ServerProcess } from "../process/server-process.ts";
import type { Contender } from "./contender.ts";

const ENTRY = fileURLToPath(new URL("./floor-entry.ts", import.meta.url));

export const floor: Contender = {
  name: "floor",
  description:
    "a bare relay on ws 8: drops returned presence, frames a message once, writes it to the room; no documents",
  keepsState: false,
  persists: false,
  start: ({ cpus }) => ServerProcess.launch({ program: [ENTRY], env: {}, cpus }),
};
