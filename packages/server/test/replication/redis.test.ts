import { Redis } from "@symphony/services/redis";
import { pino } from "pino";
import { busSuite } from "../../src/conformance/bus-suite.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";
import { dropSubscribers, subscriptionsAt } from "./redis-channels.ts";

busSuite("Redis", () => {
  const redis = new Redis();
  return {
    service: redis,
    open: () => openRedisBus([redis.url], pino({ level: "silent" })),
    subscriptions: () => subscriptionsAt([redis.port], { sharded: false }),
    dropConnections: () => dropSubscribers([redis.port]),
  };
});
