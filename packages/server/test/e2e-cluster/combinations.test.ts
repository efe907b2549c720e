import type { OptionalService } from "@symphony/services/backing-services";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type * as Y from "yjs";
import { Crowd } from "../support/crowd.ts";
import { EditingClient } from "../support/editing-client.ts";
import { readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

const COMBINATIONS: readonly (readonly [string, readonly OptionalService[]])[] = [
  ["Redis and PostgreSQL", ["s3", "dynamoDb"]],
  ["Redis, PostgreSQL and S3", ["dynamoDb"]],
  ["Redis, PostgreSQL and DynamoDB", ["s3"]],
  ["Redis, PostgreSQL, S3 and DynamoDB", []],
];

describe.each(COMBINATIONS)("three servers on %s", (_, without) => {
  let cluster: TestCluster;
  let crowd: Crowd | undefined;
  beforeAll(async () => {
    const env = { SNAPSHOT_INTERVAL_MS: "300", UNLOAD_DELAY_MS: "200", LOG_LEVEL: "debug" };
    cluster = await TestCluster.start(3, { without, env });
  }, 120_000);
  afterEach(async () => {
    await crowd?.close();
    crowd = undefined;
  });
  afterAll(() => cluster.stop());

  it("keep a document in sync, when a holder is killed too, and find it after all have unloaded it", async () => {
    const clients = cluster.members.map(() => new EditingClient());
    const connect = (client: number, server: number) =>
      clients[client]?.connect(cluster.member(server).process.wsUrl, "shared");
    await Promise.all([connect(0, 0), connect(1, 1), connect(2, 2)]);
    const written: string[] = [];
    const write = async (word: string) => {
      for (const [i, { doc }] of clients.entries()) {
        doc.getArray("words").push([`${word} of ${i}`]);
        written.push(`${word} of ${i}`);
      }
      await waitFor(() => clients.every(({ doc }) => hasAll(doc)) && clients.every(isSaved), {
        message: "all clients have all words, and all are acknowledged",
      });
    };
    const hasAll = (doc: Y.Doc) => {
      const words = doc.getArray("words").toArray();
      return words.length === written.length && written.every((word) => words.includes(word));
    };
    await write("first");
    expect(await rows("symphony_holders WHERE room = 'shared'")).toBe(holders(3));
    expect(await rows("symphony_servers")).toBe(holders(3));

    await cluster.member(1).process.kill();
    await clients[1]?.disconnected();
    await connect(1, 2);
    await write("second");

    await Promise.all(clients.map((client) => client.disconnect()));
    const remaining = [cluster.member(0), cluster.member(2)];
    await waitFor(() => remaining.every(({ process }) => process.logs.some(saysUnloaded)), {
      message: "no server has the document in memory",
    });
    expect(await rows("symphony_snapshots WHERE room = 'shared'")).toBe(
      without.includes("s3") ? 1 : 0,
    );
    await cluster.restart(cluster.member(1));
    for (const url of cluster.wsUrls) expect(hasAll(await readRoom(url, "shared"))).toBe(true);
  });

  it("lose nothing that was acknowledged when one of them is killed", async () => {
    crowd = new Crowd(cluster, "killed");
    await crowd.isSaving();
    await cluster.member(0).process.kill();
    await crowd.isSaving();
    await cluster.restart(cluster.member(0));
    await crowd.lostNothing();
  });

  /** The rows of the registry in PostgreSQL, if that is where it is. */
  const holders = (expected: number) => (without.includes("dynamoDb") ? expected : 0);

  /** How many rows there are, as in `rows("table WHERE …")`. */
  async function rows(of: string): Promise<number> {
    const client = new Client(cluster.services.postgres.url);
    await client.connect();
    try {
      const { rows } = await client.query(`SELECT count(*)::int AS count FROM ${of}`);
      return rows[0]?.count;
    } finally {
      await client.end();
    }
  }
});

function isSaved({ acknowledged, clock }: EditingClient): boolean {
  return acknowledged === clock;
}

function saysUnloaded({ msg, room }: { readonly msg: string; readonly room?: unknown }): boolean {
  return msg === "unloaded" && room === "shared";
}
