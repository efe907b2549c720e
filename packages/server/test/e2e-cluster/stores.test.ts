import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../src/storage/postgres/open.ts";
import { S3Proxy } from "../storage/s3-proxy.ts";
import { Crowd } from "../support/crowd.ts";
import { EditingClient } from "../support/editing-client.ts";
import { readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

let cluster: TestCluster;
let s3: S3Proxy;
let crowd: Crowd | undefined;
beforeAll(async () => {
  cluster = await TestCluster.start(2, {
    env: { SNAPSHOT_INTERVAL_MS: "300", UNLOAD_DELAY_MS: "100" },
    s3: async (endpoint) => {
      s3 = await S3Proxy.start(endpoint);
      return s3.endpoint;
    },
  });
}, 120_000);

afterAll(() => s3.close());
afterEach(async () => {
  s3.handler = (_, forward) => forward();
  await crowd?.close();
  crowd = undefined;
});

describe("the shared stores", () => {
  it("lose nothing when S3 answers half of the requests with errors", async () => {
    crowd = new Crowd(cluster, "half");
    await crowd.isSaving();
    let requests = 0;
    s3.handler = (_, forward) => {
      requests++;
      if (requests % 2 === 0) return forward();
      return Promise.resolve({ status: requests % 4 === 1 ? 500 : 503 });
    };
    await waitFor(() => requests > 100, { message: "S3 has received more than 100 requests" });
    await crowd.isSaving();
    s3.handler = (_, forward) => forward();
    await crowd.lostNothing();
  });

  it("hold the edits of both servers when two partitioned servers store snapshots", async () => {
    for (const { redis, peers } of cluster.members) {
      redis.silence();
      peers.cut();
    }
    const [first, second] = [new EditingClient(), new EditingClient()];
    await first.connect(cluster.wsUrls[0] ?? "", "partition");
    await second.connect(cluster.wsUrls[1] ?? "", "partition");
    const write = async (round: number) => {
      first.doc.getArray("first").push([round]);
      second.doc.getArray("second").push([round]);
      await waitFor(() => [first, second].every((one) => one.acknowledged === one.clock), {
        message: "the edits of both clients are acknowledged",
      });
    };
    const stored = () => s3.requests.filter(({ method }) => method === "PUT").length;
    for (let round = 0; round < 5; round++) {
      await write(round);
      const before = stored();
      await waitFor(() => stored() > before, { message: "a snapshot is stored" });
    }
    for (const { redis, peers } of cluster.members) {
      redis.restore();
      peers.restore();
    }
    await waitFor(
      () => first.doc.getArray("second").length === 5 && second.doc.getArray("first").length === 5,
      { message: "both clients have each other's edits" },
    );
    await Promise.all([first.disconnect(), second.disconnect()]);
    await Promise.all(cluster.members.map(({ process }) => process.kill()));
    await Promise.all(cluster.members.map((member) => cluster.restart(member)));
    const doc = await readRoom(cluster.wsUrls[0] ?? "", "partition");
    expect(doc.getArray("first").toArray()).toEqual([0, 1, 2, 3, 4]);
    expect(doc.getArray("second").toArray()).toEqual([0, 1, 2, 3, 4]);
  });

  it("record a crashed server's connections as ended, but not those of other servers", async () => {
    const { DATABASE_URL = "" } = cluster.services.environment();
    const store = await openPostgresStore(DATABASE_URL, pino({ level: "silent" }));
    const [staying, crashing] = [new EditingClient(), new EditingClient()];
    const rows = async () => {
      const records = await store.metadata.connectionsOf("crash", { limit: 10 });
      return new Map(records.map(({ server, disconnectedAt }) => [server, disconnectedAt]));
    };
    try {
      await staying.connect(cluster.wsUrls[0] ?? "", "crash");
      await crashing.connect(cluster.wsUrls[1] ?? "", "crash");
      const addresses = cluster.members.map(({ peers }) => `127.0.0.1:${peers.port}`);
      const [here = "", there = ""] = addresses;
      await waitFor(async () => (await rows()).get(there) === null, {
        message: "the open connection is recorded",
      });
      const killedAt = Date.now();
      await cluster.member(1).process.kill();
      await waitFor(async () => ((await rows()).get(there) ?? 0) >= killedAt, {
        message: "the connection is recorded as ended",
      });
      expect((await rows()).get(here)).toBeNull();
    } finally {
      await Promise.all([staying.disconnect(), crashing.disconnect(), store.close()]);
    }
  });
});
