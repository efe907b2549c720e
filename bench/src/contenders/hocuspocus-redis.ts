import { Redis } from "@symphony/services/redis";
import { Servers } from "../process/servers.ts";
import type { Contender } from "./contender.ts";
import { hocuspocusProcess } from "./hocuspocus.ts";

/** Shared by all runs: it stores nothing. */
const redis = new Redis();

export const hocuspocusRedis: Contender = {
  name: "hocuspocus-redis",
  description:
    "three of hocuspocus with @hocuspocus/extension-redis 4.7, all on the server's core; Redis runs " +
    "on the load generator's core",
  keepsState: true,
  persists: false,
  measurements: ["spread"],
  start: async (options) => {
    await redis.start();
    const server = hocuspocusProcess(options, { REDIS_URL: redis.url });
    return Servers.launch(server, server, server);
  },
  release: () => redis.stop(),
};
