import { fileURLToPath } from "node:url";
import { Servers } from "../process/servers.ts";
import type { Contender } from "./contender.ts";

const ENTRY = fileURLToPath(new URL("./floor-entry.ts", import.meta.url));

export const floor: Contender = {
  name: "floor",
  description:
    "a bare relay on ws 8: drops echoed presence, frames a message once, writes it to the room; no documents",
  keepsState: false,
  persists: false,
  start: ({ cpus }) => Servers.launch({ program: [ENTRY], env: {}, cpus }),
};
