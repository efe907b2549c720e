import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Crowd } from "../support/crowd.ts";
import { yWebsocket31 } from "../support/providers.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

/** How long a server may be silent before others consider it dead, plus the time to notice it. */
const LEASE_MS = 16_000;

/** How long the registry considers a dead server alive; nothing may have to wait for it. */
const DEAD_LEASE_MS = 10_000;

let cluster: TestCluster;
beforeAll(async () => {
  // Short intervals, so that faults also hit snapshots and the deletion of journal rows.
  cluster = await TestCluster.start(3, {
    env: { SNAPSHOT_INTERVAL_MS: "1000", UNLOAD_DELAY_MS: "200" },
  });
}, 120_000);

const crowds: Crowd[] = [];
afterEach(async () => {
  await Promise.all(crowds.splice(0).map((crowd) => crowd.close()));
});

/**
 * Starts clients that edit for as long as the fault lasts.
 *
 * @param urls where the clients connect, if not to the servers directly
 */
async function editing(name: string, urls?: () => readonly string[]): Promise<Crowd> {
  const crowd = new Crowd(cluster, name, urls);
  crowds.push(crowd);
  await crowd.isSaving();
  return crowd;
}

describe("no acknowledged edit is lost, and all clients converge,", () => {
  it("when one server is killed, and its clients save elsewhere before its lease expires", async () => {
    const crowd = await editing("one");
    const since = performance.now();
    await cluster.member(0).process.kill();
    await crowd.isSaving();
    expect(performance.now() - since).toBeLessThan(DEAD_LEASE_MS);
    await cluster.restart(cluster.member(0));
    await crowd.lostNothing();
  });

  it("when two servers are killed", async () => {
    const crowd = await editing("two");
    await Promise.all([0, 1].map((i) => cluster.member(i).process.kill()));
    await crowd.isSaving();
    await Promise.all([0, 1].map((i) => cluster.restart(cluster.member(i))));
    await crowd.lostNothing();
  });

  it("when all servers are killed", async () => {
    const crowd = await editing("all");
    await Promise.all(cluster.members.map(({ process }) => process.kill()));
    await Promise.all(cluster.members.map((member) => cluster.restart(member)));
    await crowd.lostNothing();
  });

  it("when a server is frozen beyond its lease", async () => {
    const crowd = await editing("frozen");
    const { process } = cluster.member(1);
    process.signal("SIGSTOP");
    await delay(20_000);
    process.signal("SIGCONT");
    await waitFor(() => process.logs.some(({ msg }) => msg.startsWith("lease expired")), {
      message: () => `the server notices that its lease has expired:\n${process.tail()}`,
    });
    await crowd.lostNothing();
  });

  it("when Redis is killed, and restarts empty", async () => {
    const crowd = await editing("redis");
    await cluster.services.redis.kill();
    // While Redis is down, servers exchange changes directly.
    await crowd.isSaving();
    await cluster.services.redis.start();
    await crowd.lostNothing();
  });

  it("when PostgreSQL is down for 30 seconds", async () => {
    const crowd = await editing("postgres");
    await cluster.services.postgres.kill();
    const { clients } = crowd;
    const before = clients.map(({ clock }) => clock);
    await delay(30_000);
    // Nothing that is not durable is acknowledged, and editing continues.
    for (const [i, client] of clients.entries()) {
      expect(client.acknowledged).toBeLessThanOrEqual((before[i] ?? 0) + 10);
      expect(client.clock).toBeGreaterThan((before[i] ?? 0) + 100);
    }
    await cluster.services.postgres.start();
    await crowd.lostNothing();
  });

  it("when S3 is down for 60 seconds", async () => {
    const crowd = await editing("s3");
    await cluster.services.s3.kill();
    await delay(55_000);
    await crowd.isSaving();
    await cluster.services.s3.start();
    await crowd.lostNothing();
  });

  it("when DynamoDB is down for 30 seconds", async () => {
    const crowd = await editing("dynamodb");
    await cluster.services.dynamoDb.kill();
    await delay(25_000);
    // This also works in rooms not opened before: servers find each other on the bus.
    const others = await editing("dynamodb-meanwhile");
    await cluster.services.dynamoDb.start();
    await others.lostNothing();
    await crowd.lostNothing();
  });

  it("when servers cannot reach each other directly", async () => {
    const crowd = await editing("peers");
    for (const { peers } of cluster.members) peers.cut();
    await delay(3_000);
    await crowd.isSaving();
    const others = await editing("peers-meanwhile");
    // They agree through the bus and the stores.
    await crowd.agrees();
    await others.agrees();
    for (const { peers } of cluster.members) peers.restore();
  });

  it("when one server cannot reach Redis", async () => {
    const crowd = await editing("bus");
    const { redis } = cluster.member(2);
    redis.cut();
    await delay(8_000);
    redis.restore();
    await crowd.lostNothing();
  });

  it("when one server silently loses its connection to one service after another", async () => {
    const crowd = await editing("cut-off");
    const { redis, postgres, s3, dynamoDb, peers } = cluster.member(2);
    for (const path of [redis, postgres, s3, dynamoDb, peers]) {
      path.silence();
      await delay(4_000);
      path.restore();
    }
    await crowd.lostNothing();
  });

  it("when a server crashes repeatedly, and restarts within its lease", async () => {
    const crowd = await editing("restarted");
    for (let i = 0; i < 3; i++) {
      await cluster.member(1).process.kill();
      await cluster.restart(cluster.member(1));
      await crowd.isSaving();
    }
    await crowd.lostNothing();
  });

  it("when clients reconnect while their old connections seem open and the journal is frozen", async () => {
    const crowd = await editing("half-open", () => cluster.clientUrls);
    const strand = () => {
      for (const { clients } of cluster.members) clients.strand();
    };
    strand();
    await crowd.isSaving();
    cluster.services.postgres.pause();
    const before = crowd.clients.map(({ connections }) => connections);
    await delay(500);
    strand();
    await waitFor(() => crowd.clients.every((one, i) => one.connections > (before[i] ?? 0)), {
      message: "all clients have reconnected",
    });
    await delay(2_000);
    await Promise.all(cluster.members.map(({ process }) => process.kill()));
    await crowd.close();
    cluster.services.postgres.resume();
    for (const { clients } of cluster.members) clients.restore();
    await crowd.survivesCrash();
  });

  it("when connections are slow, and break in the middle of a message", async () => {
    const crowd = await editing("flaky");
    for (const { redis, peers } of cluster.members) {
      redis.delay(50);
      peers.delay(50);
    }
    for (let i = 0; i < 20; i++) {
      cluster.member(i % 3).redis.breakAfter(100 + 37 * i);
      await delay(300);
    }
    for (const { redis, peers } of cluster.members) {
      redis.restore();
      peers.restore();
    }
    await crowd.lostNothing();
  });
});

describe("awareness", () => {
  it("of a dead server's clients is removed within the lease", async () => {
    const [here, there] = [0, 1].map((i) =>
      yWebsocket31.open(cluster.wsUrls[i] ?? "", "ghosts", { presence: { server: i } }),
    );
    if (here === undefined || there === undefined) throw new Error("expected two sessions");
    try {
      await waitFor(() => here.presence.size === 2 && there.presence.size === 2, {
        message: "both sessions see each other",
      });
      there.disconnect();
      await waitFor(() => here.presence.size === 1, {
        message: "the session that left is removed",
      });
      there.connect();
      await waitFor(() => here.presence.size === 2, { message: "the session is present again" });
      await cluster.member(1).process.kill();
      await waitFor(() => here.presence.size === 1, {
        timeout: LEASE_MS,
        message: "the ghost is removed",
      });
    } finally {
      here.destroy();
      there.destroy();
      await cluster.restart(cluster.member(1));
    }
  });
});
