import { Client } from "pg";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Crowd } from "../support/crowd.ts";
import { EditingClient } from "../support/editing-client.ts";
import { readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

/** How long the registry considers a dead server alive, with a margin. */
const LEASE_MS = 12_000;

// What faults.test.ts and stores.test.ts test with all services, where PostgreSQL does the work of S3 and
// DynamoDB: an outage of PostgreSQL is one of journal, snapshots and registry.

let cluster: TestCluster;
let crowd: Crowd;
beforeAll(async () => {
  cluster = await TestCluster.start(3, {
    without: ["s3", "dynamoDb"],
    env: { SNAPSHOT_INTERVAL_MS: "1000", UNLOAD_DELAY_MS: "200" },
  });
}, 120_000);
afterEach(() => crowd.close());

async function editing(name: string): Promise<Crowd> {
  crowd = new Crowd(cluster, name);
  await crowd.isSaving();
  return crowd;
}

/** Waits while a fault lasts. */
async function lasts(ms: number): Promise<void> {
  const since = performance.now();
  await waitFor(() => performance.now() - since > ms, { message: `the fault has lasted ${ms} ms` });
}

describe("no acknowledged edit is lost, and all clients converge,", () => {
  it("when PostgreSQL is down for longer than a lease", async () => {
    const { clients } = await editing("down");
    await cluster.services.postgres.kill();
    const before = clients.map(({ clock }) => clock);
    await lasts(LEASE_MS);
    // Nothing that is not durable is acknowledged, and editing continues.
    for (const [i, client] of clients.entries()) {
      expect(client.acknowledged).toBeLessThanOrEqual((before[i] ?? 0) + 10);
      expect(client.clock).toBeGreaterThan((before[i] ?? 0) + 50);
    }
    for (const { process } of cluster.members) {
      const response = await fetch(`${process.url}/health/ready`);
      const { failing } = (await response.json()) as { failing: Record<string, string> };
      expect(Object.keys(failing).sort()).toEqual(["journal", "registry", "snapshots"]);
    }
    await cluster.services.postgres.start();
    await crowd.lostNothing();
  });

  it("when one server is frozen, and another cut off from PostgreSQL, beyond their leases", async () => {
    await editing("frozen");
    const { process } = cluster.member(1);
    const { postgres } = cluster.member(2);
    process.signal("SIGSTOP");
    postgres.silence();
    const addresses = [1, 2].map((i) => `127.0.0.1:${cluster.member(i).peers.port}`);
    await withDatabase(async (database) => {
      await waitFor(async () => (await database.query(LAPSED, [addresses])).rowCount === 2, {
        message: "both leases have expired",
      });
    });
    process.signal("SIGCONT");
    postgres.restore();
    for (const member of [1, 2].map((i) => cluster.member(i))) {
      await waitFor(() => member.process.logs.some(({ msg }) => msg.startsWith("lease expired")), {
        message: () => `the server notices that its lease has expired: ${member.process.tail()}`,
      });
    }
    await crowd.lostNothing();
  });

  it("when two servers are partitioned, and both store snapshots", async () => {
    await editing("beside");
    const parts = [cluster.member(0), cluster.member(1)];
    for (const { redis, peers } of cluster.members) {
      redis.silence();
      peers.cut();
    }
    const [first, second] = [new EditingClient(), new EditingClient()];
    await first.connect(parts[0]?.process.wsUrl ?? "", "partition");
    await second.connect(parts[1]?.process.wsUrl ?? "", "partition");
    await withDatabase(async (database) => {
      const version = async () => (await database.query(VERSION)).rows[0]?.version;
      for (let round = 0; round < 3; round++) {
        const before = await version();
        first.doc.getArray("first").push([round]);
        second.doc.getArray("second").push([round]);
        await waitFor(() => [first, second].every((one) => one.acknowledged === one.clock), {
          message: "the edits of both clients are acknowledged",
        });
        await waitFor(async () => (await version()) !== before, {
          message: "a snapshot is stored",
        });
      }
    });
    for (const { redis, peers } of cluster.members) {
      redis.restore();
      peers.restore();
    }
    await waitFor(
      () => first.doc.getArray("second").length === 3 && second.doc.getArray("first").length === 3,
      { message: "both clients have each other's edits" },
    );
    await Promise.all([first.disconnect(), second.disconnect()]);
    await crowd.lostNothing();
    const doc = await readRoom(cluster.wsUrls[2] ?? "", "partition");
    expect(doc.getArray("first").toArray()).toEqual([0, 1, 2]);
    expect(doc.getArray("second").toArray()).toEqual([0, 1, 2]);
  });
});

const LAPSED = "SELECT FROM symphony_servers WHERE address = ANY ($1) AND lease_end <= now()";
const VERSION = "SELECT version FROM symphony_snapshots WHERE room = 'partition'";

async function withDatabase(use: (database: Client) => Promise<void>): Promise<void> {
  const database = new Client(cluster.services.postgres.url);
  await database.connect();
  try {
    await use(database);
  } finally {
    await database.end();
  }
}
