import type { RedisCluster } from "@symphony/services/redis-cluster";
import { afterEach, beforeAll, describe, it } from "vitest";
import { Crowd } from "../support/crowd.ts";
import { TestCluster } from "../support/test-cluster.ts";

let cluster: TestCluster;
let redis: RedisCluster;
let crowd: Crowd;
beforeAll(async () => {
  cluster = await TestCluster.start(3, { redisCluster: true });
  redis = cluster.services.redis as RedisCluster;
}, 120_000);

afterEach(() => crowd.close());

describe("with a Redis Cluster", () => {
  it("nothing is lost when a master is killed and its replica takes over", async () => {
    crowd = new Crowd(cluster, "killed-master");
    await crowd.isSaving();
    await redis.killMaster();
    await crowd.isSaving();
    await redis.start();
    await crowd.lostNothing();
  });

  it("nothing is lost in a planned failover to a replica", async () => {
    crowd = new Crowd(cluster, "failover");
    await crowd.isSaving();
    await redis.failover();
    await crowd.lostNothing();
  });
});
