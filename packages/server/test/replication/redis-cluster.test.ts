import { RedisCluster } from "@symphony/services/redis-cluster";
import { pino } from "pino";
import { busSuite } from "../../src/conformance/bus-suite.ts";
import { openRedisBus } from "../../src/replication/redis/open.ts";
import { dropSubscribers, subscriptionsAt } from "./redis-channels.ts";

busSuite("Redis Cluster", () => {
  const cluster = new RedisCluster();
  return {
    service: cluster,
    open: () => openRedisBus(cluster.urls, pino({ level: "silent" })),
    subscriptions: () => subscriptionsAt(cluster.ports, { sharded: true }),
    dropConnections: () => dropSubscribers(cluster.ports),
  };
});
