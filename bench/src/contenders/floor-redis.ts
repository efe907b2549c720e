import { fileURLToPath } from "node:url";
import { Redis } from "@symphony/services/redis";
import { Servers } from "../process/servers.ts";
import type { Contender } from "./contender.ts";

const ENTRY = fileURLToPath(new URL("./floor-redis-entry.ts", import.meta.url));

/** Shared by all runs: it stores nothing. */
const redis = new Redis();

export const floorRedis: Contender = {
  name: "floor-redis",
  description:
    "three bare relays on ws 8 and Redis, all on the server's core: they batch for as long as this " +
    "server does; no documents, no checks, no store. Redis runs on the load generator's core",
  keepsState: false,
  persists: false,
  measurements: ["spread"],
  start: async ({ cpus }) => {
    await redis.start();
    const server = { program: [ENTRY], env: { REDIS_URL: redis.url }, cpus };
    return Servers.launch(server, server, server);
  },
  release: () => redis.stop(),
};
