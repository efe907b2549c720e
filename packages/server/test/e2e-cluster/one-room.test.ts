import { DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import type { Redis } from "@symphony/services/redis";
import { beforeAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { EditingClient } from "../support/editing-client.ts";
import { type Session13, yWebsocket31 } from "../support/providers.ts";
import { readRoom } from "../support/raw-client.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(3, { env: { UNLOAD_DELAY_MS: "200" } });
}, 120_000);

function texts(sessions: readonly Session13[]): string[] {
  return sessions.map(({ text }) => text.toString());
}

async function converged(sessions: readonly Session13[], length: number): Promise<void> {
  await waitFor(
    () => {
      const [first = "", ...rest] = texts(sessions);
      return first.length === length && rest.every((text) => text === first);
    },
    {
      message: () =>
        `all sessions have the same text; last seen: ${JSON.stringify(texts(sessions))}`,
    },
  );
}

/** The holders of a room according to the registry. */
async function holdersOf(room: string): Promise<string[]> {
  const { AWS_ENDPOINT_URL_DYNAMODB: endpoint = "" } = cluster.services.environment();
  const client = new DynamoDBClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  try {
    const { Items = [] } = await client.send(
      new ScanCommand({ TableName: "symphony", ConsistentRead: true }),
    );
    const item = Items.find(({ id }) => id?.S === `room/${room}`);
    return [...(item?.servers?.SS ?? [])].sort();
  } finally {
    client.destroy();
  }
}

const addresses = () => cluster.members.map(({ peers }) => `127.0.0.1:${peers.port}`).sort();

describe("one room on three servers", () => {
  it("shows all clients the same text and the same awareness", async () => {
    const sessions = Array.from({ length: 9 }, (_, i) =>
      yWebsocket31.open(cluster.wsUrls[i % 3] ?? "", "shared", { presence: { name: `user ${i}` } }),
    );
    try {
      await waitFor(() => sessions.every(({ isSynced }) => isSynced), {
        message: "all sessions are synced",
      });
      for (let round = 0; round < 20; round++) {
        for (const [i, session] of sessions.entries()) {
          session.text.insert(session.text.toString().length >> 1, String(i));
          session.setPresence({ name: `user ${i}`, round });
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      await converged(sessions, 180);
      const everybody = sessions.map(({ clientId }) => clientId).sort();
      await waitFor(
        () =>
          sessions.every(
            ({ presence }) =>
              JSON.stringify([...presence.keys()].sort()) === JSON.stringify(everybody) &&
              [...presence.values()].every((state) => (state as { round: number }).round === 19),
          ),
        { message: "all sessions see the newest awareness of all" },
      );
      expect(await holdersOf("shared")).toEqual(addresses());

      // A client that leaves disappears everywhere within a second.
      const [leaver, ...others] = sessions;
      const since = performance.now();
      leaver?.destroy();
      await waitFor(() => others.every(({ presence }) => presence.size === 8), {
        timeout: 1_000,
        message: "the client that left is removed everywhere",
      });
      expect(performance.now() - since).toBeLessThan(1_000);
    } finally {
      for (const session of sessions) session.destroy();
    }
    await waitFor(async () => (await holdersOf("shared")).length === 0, {
      message: "no server holds the room any more",
    });
    const text = (await readRoom(cluster.wsUrls[1] ?? "", "shared")).getText("text").toString();
    expect(text).toHaveLength(180);
  });

  it("exchanges edits that are too large for the bus", async () => {
    const [a, b] = [0, 1].map((i) => yWebsocket31.open(cluster.wsUrls[i] ?? "", "large"));
    if (a === undefined || b === undefined) throw new Error("expected two sessions");
    try {
      await waitFor(() => a.isSynced && b.isSynced, { message: "both sessions are synced" });
      a.text.insert(0, "x".repeat(3_000_000));
      b.text.insert(0, "first");
      await converged([a, b], 3_000_005);
    } finally {
      a.destroy();
      b.destroy();
    }
  });

  it("can be opened on all servers simultaneously, with its content and without duplicates", async () => {
    const rooms = Array.from({ length: 50 }, (_, i) => `race ${i}/é`);
    for (let round = 0; round < 4; round++) {
      await Promise.all(
        rooms.map(async (room) => {
          const clients = cluster.wsUrls.map(() => new EditingClient());
          await Promise.all(
            clients.map((client, i) => client.connect(cluster.wsUrls[i] ?? "", encodeURI(room))),
          );
          await Promise.all(
            clients.map(async (client, i) => {
              const { doc } = client;
              // An editor writes initial content into a document that is empty once synced.
              await waitFor(() => client.received > 0, {
                message: () => `the client is synced; its close code: ${client.closeCode}`,
              });
              const log = doc.getArray("log");
              expect(log.length).toBeGreaterThanOrEqual(round * clients.length);
              log.push([`${round} ${i}`]);
              await waitFor(() => client.acknowledged === client.clock, {
                message: "the edit is acknowledged",
              });
            }),
          );
          await waitFor(
            () => clients.every(({ doc }) => doc.getArray("log").length === (round + 1) * 3),
            {
              message: () =>
                `all clients of ${room} have all entries: ${clients.map(({ doc }) => doc.getArray("log").length)}`,
            },
          );
          if (room === rooms[0]) expect(await holdersOf(room)).toEqual(addresses());
          await Promise.all(clients.map((client) => client.disconnect()));
        }),
      );
      await waitFor(async () => (await holdersOf(rooms[49] ?? "")).length === 0, {
        message: "the rooms are unloaded",
      });
    }
    for (const room of rooms.slice(0, 5)) {
      const doc = await readRoom(cluster.wsUrls[0] ?? "", encodeURI(room));
      const expected = [0, 1, 2, 3].flatMap((round) => [0, 1, 2].map((i) => `${round} ${i}`));
      expect(doc.getArray("log").toArray().sort()).toEqual(expected.sort());
    }
  });

  it("publishes no updates to Redis while only one server holds it", async () => {
    const redis = cluster.services.redis as Redis;
    const clients = Array.from({ length: 4 }, () => new EditingClient());
    await Promise.all(clients.map((client) => client.connect(cluster.wsUrls[0] ?? "", "alone")));
    await waitFor(() => clients.every(({ received }) => received > 0), {
      message: "all clients are synced",
    });
    const before = await redis.commandStats();
    for (let i = 0; i < 200; i++) {
      for (const client of clients) client.doc.getText("text").insert(0, "word ");
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(() => clients.every((one) => one.acknowledged === one.clock), {
      message: "all edits are acknowledged",
    });
    const after = await redis.commandStats();
    const published = (after.get("publish") ?? 0) - (before.get("publish") ?? 0);
    // Every few seconds, servers publish something to check Redis, but no updates.
    expect(published).toBeLessThan(20);
    await Promise.all(clients.map((client) => client.disconnect()));
  });

  it("delivers a deletion even if its server leaves the room before others have received it", async () => {
    const [reader, author, late] = [new EditingClient(), new EditingClient(), new EditingClient()];
    const lengthAt = (client: EditingClient) => client.doc.getText("text").length;
    await reader.connect(cluster.wsUrls[0] ?? "", "deleted");
    reader.doc.getText("text").insert(0, "word");
    await waitFor(() => reader.acknowledged === reader.clock, {
      message: "the edit is acknowledged",
    });
    await author.connect(cluster.wsUrls[2] ?? "", "deleted");
    await waitFor(() => lengthAt(author) === 4, { message: "the author has the text" });
    const { redis } = cluster.member(0);
    try {
      redis.delay(1_300);
      author.doc.getText("text").delete(0, 4);
      await author.disconnect();
      await waitFor(async () => (await holdersOf("deleted")).length === 1, {
        message: "the author's server has left the room",
      });
      await late.connect(cluster.wsUrls[1] ?? "", "deleted");
      await waitFor(() => late.received > 0, { message: "another server has opened the room" });
      await waitFor(() => lengthAt(reader) === 0 && lengthAt(late) === 0, {
        message: () =>
          `the text is deleted everywhere; lengths: ${lengthAt(reader)}, ${lengthAt(late)}`,
      });
    } finally {
      redis.delay(0);
      await Promise.all([reader.disconnect(), late.disconnect()]);
    }
  });

  it("delivers a deletion even if its server crashes before publishing it", async () => {
    const [reader, author] = [new EditingClient(), new EditingClient()];
    const member = cluster.member(2);
    await reader.connect(cluster.wsUrls[0] ?? "", "crashed");
    reader.doc.getText("text").insert(0, "word");
    await author.connect(member.process.wsUrl, "crashed");
    await waitFor(() => author.doc.getText("text").length === 4, {
      message: "the author has the text",
    });
    author.doc.getText("text").insert(4, "s");
    await waitFor(() => reader.doc.getText("text").length === 5, {
      message: "the reader has the author's edit",
    });
    member.redis.cut();
    author.doc.getText("text").delete(0, 5);
    await waitFor(() => author.acknowledgedDeletes.length > 0, {
      message: "the deletion is acknowledged",
    });
    await member.process.kill();
    member.redis.restore();
    await cluster.restart(member);
    await author.disconnect();
    await author.connect(member.process.wsUrl, "crashed");
    await waitFor(() => reader.doc.getText("text").length === 0, {
      message: "the reader no longer has the text",
    });
    await Promise.all([reader.disconnect(), author.disconnect()]);
  });

  it("syncs a client that reconnects to another server", async () => {
    const [first, second] = [new EditingClient(), new EditingClient()];
    await first.connect(cluster.wsUrls[0] ?? "", "returning");
    first.doc.getText("text").insert(0, "written on the first server");
    await waitFor(() => first.acknowledged === first.clock, {
      message: "the edit is acknowledged",
    });
    await second.connect(cluster.wsUrls[2] ?? "", "returning");
    await waitFor(() => second.doc.getText("text").length === 27, {
      message: "the second client has the text",
    });
    await first.disconnect();
    first.doc.getText("text").insert(0, "offline, ");
    await first.connect(cluster.wsUrls[1] ?? "", "returning");
    await waitFor(() => second.doc.getText("text").length === 36, {
      message: "the second client has the offline edit too",
    });
    expect(Y.encodeStateVector(second.doc)).toEqual(Y.encodeStateVector(first.doc));
    await Promise.all([first.disconnect(), second.disconnect()]);
  });
});
