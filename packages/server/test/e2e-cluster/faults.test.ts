import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { PersistentClient } from "../support/persistent-client.ts";
import { yWebsocket31 } from "../support/providers.ts";
import { readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const ROOMS = 4;
const CLIENTS = 12;
/** How long a server may be silent before it is taken for dead, with some time to notice it. */
const LEASE_MS = 16_000;

let cluster: TestCluster;
beforeAll(async () => {
  // Short, so that faults also fall into snapshots and into the deletion of journal rows.
  cluster = await TestCluster.start(3, {
    env: { SNAPSHOT_INTERVAL_MS: "1000", UNLOAD_DELAY_MS: "200" },
  });
}, 120_000);

const open: PersistentClient[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

/** Clients that edit for as long as the fault takes. */
function editors(name: string): PersistentClient[] {
  const clients = Array.from(
    { length: CLIENTS },
    (_, i) => new PersistentClient(`${name}-${i % ROOMS}`, () => cluster.wsUrls),
  );
  open.push(...clients);
  return clients;
}

/** Waits until every client was sent back something that it did after this was called. */
async function allAreSaving(clients: readonly PersistentClient[], timeout = 30_000): Promise<void> {
  const before = clients.map(({ clock }) => clock);
  await waitFor(() => clients.every((one, i) => one.acknowledged > (before[i] ?? 0)), {
    timeout,
    message: () =>
      `everybody is sent back something new: ${JSON.stringify(clients.map((one) => [one.isConnected, one.acknowledged, one.clock]))}\n${logs()}`,
  });
}

/** Everything works again: all have the same, and it is there after all servers were killed. */
async function nothingIsLost(clients: readonly PersistentClient[]): Promise<void> {
  await allAreSaving(clients, 60_000);
  for (const client of clients) client.stopEditing();
  await waitFor(() => clients.every((one) => one.isSaved), {
    timeout: 60_000,
    message: () =>
      `all that was written is saved: ${JSON.stringify(clients.map((one) => [one.isConnected, one.acknowledged, one.clock]))}\n${logs()}`,
  });
  await waitFor(() => clients.every((one) => sameAsOthers(one, clients)), {
    timeout: 60_000,
    message: () => `all who are in a room have the same\n${logs()}`,
  });
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all(cluster.members.map(({ process }) => process.kill()));
  await Promise.all(cluster.members.map((member) => cluster.restart(member)));
  for (const client of clients) {
    const doc = await readRoom(cluster.wsUrls[0] ?? "", client.room);
    expect(client.missingFrom(doc)).toEqual([]);
    expect(doc.getText("text").toString()).toBe(client.doc.getText("text").toString());
  }
}

function sameAsOthers(one: PersistentClient, clients: readonly PersistentClient[]): boolean {
  const text = one.doc.getText("text").toString();
  return clients.every(
    (other) => other.room !== one.room || other.doc.getText("text").toString() === text,
  );
}

function logs(): string {
  return cluster.members.map(({ process }) => process.tail()).join("\n---\n");
}

async function passes(ms: number): Promise<void> {
  await delay(ms);
}

describe("nothing that was acknowledged is lost, and all agree,", () => {
  it("when one server is killed, and its clients are in sync elsewhere soon", async () => {
    const clients = editors("one");
    await allAreSaving(clients);
    const since = performance.now();
    await cluster.member(0).process.kill();
    await allAreSaving(clients);
    expect(performance.now() - since).toBeLessThan(3_000);
    await cluster.restart(cluster.member(0));
    await nothingIsLost(clients);
  });

  it("when two servers are killed", async () => {
    const clients = editors("two");
    await allAreSaving(clients);
    await Promise.all([0, 1].map((i) => cluster.member(i).process.kill()));
    await allAreSaving(clients);
    await Promise.all([0, 1].map((i) => cluster.restart(cluster.member(i))));
    await nothingIsLost(clients);
  });

  it("when all servers are killed", async () => {
    const clients = editors("all");
    await allAreSaving(clients);
    await Promise.all(cluster.members.map(({ process }) => process.kill()));
    await Promise.all(cluster.members.map((member) => cluster.restart(member)));
    await nothingIsLost(clients);
  });

  it("when a server is frozen beyond its lease", async () => {
    const clients = editors("frozen");
    await allAreSaving(clients);
    const { process } = cluster.member(1);
    process.signal("SIGSTOP");
    await passes(20_000);
    process.signal("SIGCONT");
    await waitFor(() => process.logs.some(({ msg }) => msg.startsWith("the lease had lapsed")), {
      timeout: 15_000,
      message: () => `it notices that others took it for dead\n${process.tail()}`,
    });
    await nothingIsLost(clients);
  });

  it("when Redis is killed, and starts again empty", async () => {
    const clients = editors("redis");
    await allAreSaving(clients);
    await cluster.services.redis.kill();
    // Servers exchange what they have directly meanwhile.
    await allAreSaving(clients);
    await cluster.services.redis.start();
    await nothingIsLost(clients);
  });

  it("when PostgreSQL is down for 30 seconds", async () => {
    const clients = editors("postgres");
    await allAreSaving(clients);
    await cluster.services.postgres.kill();
    const before = clients.map(({ clock }) => clock);
    await passes(30_000);
    // Nothing is acknowledged that is not durable, and editing goes on.
    for (const [i, client] of clients.entries()) {
      expect(client.acknowledged).toBeLessThanOrEqual((before[i] ?? 0) + 10);
      expect(client.clock).toBeGreaterThan((before[i] ?? 0) + 100);
    }
    await cluster.services.postgres.start();
    await nothingIsLost(clients);
  });

  it("when S3 is down for 60 seconds", async () => {
    const clients = editors("s3");
    await allAreSaving(clients);
    await cluster.services.s3.kill();
    await passes(55_000);
    await allAreSaving(clients);
    await cluster.services.s3.start();
    await nothingIsLost(clients);
  });

  it("when DynamoDB is down for 30 seconds", async () => {
    const clients = editors("dynamodb");
    await allAreSaving(clients);
    await cluster.services.dynamoDb.kill();
    await passes(25_000);
    // Also in rooms that nobody has opened yet: servers find each other on the bus.
    const others = editors("dynamodb-meanwhile");
    await allAreSaving([...clients, ...others]);
    await cluster.services.dynamoDb.start();
    await nothingIsLost([...clients, ...others]);
  });

  it("when servers do not reach each other directly", async () => {
    const clients = editors("peers");
    await allAreSaving(clients);
    for (const { peers } of cluster.members) peers.cut();
    await passes(3_000);
    await allAreSaving(clients);
    const others = editors("peers-meanwhile");
    await allAreSaving(others);
    for (const client of [...clients, ...others]) client.stopEditing();
    await waitFor(
      () => [...clients, ...others].every((one) => sameAsOthers(one, [...clients, ...others])),
      {
        timeout: 60_000,
        message: () => `they agree by way of the bus and the stores\n${logs()}`,
      },
    );
    for (const { peers } of cluster.members) peers.restore();
  });

  it("when one server does not reach Redis", async () => {
    const clients = editors("bus");
    await allAreSaving(clients);
    const { redis } = cluster.member(2);
    redis.cut();
    await passes(8_000);
    redis.restore();
    await nothingIsLost(clients);
  });

  it("when connections delay, and break in the middle of a message", async () => {
    const clients = editors("flaky");
    await allAreSaving(clients);
    for (const { redis, peers } of cluster.members) {
      redis.delay(50);
      peers.delay(50);
    }
    for (let i = 0; i < 20; i++) {
      cluster.member(i % 3).redis.breakAfter(100 + 37 * i);
      await passes(300);
    }
    for (const { redis, peers } of cluster.members) {
      redis.restore();
      peers.restore();
    }
    await nothingIsLost(clients);
  });
});

describe("presence", () => {
  it("of a dead server's clients is gone within the lease", async () => {
    const [here, there] = [0, 1].map((i) =>
      yWebsocket31.open(cluster.wsUrls[i] ?? "", "ghosts", { presence: { server: i } }),
    );
    if (here === undefined || there === undefined) throw new Error("two sessions");
    try {
      await waitFor(() => here.presence.size === 2 && there.presence.size === 2, {
        message: "they see each other",
      });
      there.disconnect();
      await waitFor(() => here.presence.size === 1, { message: "who leaves is gone" });
      there.connect();
      await waitFor(() => here.presence.size === 2, { message: "it is back" });
      await cluster.member(1).process.kill();
      await waitFor(() => here.presence.size === 1, {
        timeout: LEASE_MS,
        message: "the ghost is gone",
      });
    } finally {
      here.destroy();
      there.destroy();
      await cluster.restart(cluster.member(1));
    }
  });
});
