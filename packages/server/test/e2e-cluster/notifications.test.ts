import { pino } from "pino";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openPostgresStore } from "../../src/storage/postgres/open.ts";
import { EditingClient } from "../support/editing-client.ts";
import { TestReceiver } from "../support/receiver.ts";
import { TestCluster } from "../support/test-cluster.ts";
import { waitFor } from "../support/wait-for.ts";
import { eventsOf } from "../webhooks/received-events.ts";

let cluster: TestCluster;
let receiver: TestReceiver;
const clients: EditingClient[] = [];
beforeAll(async () => {
  receiver = await TestReceiver.start();
  cluster = await TestCluster.start(3, {
    env: {
      CALLBACK_URL: receiver.url,
      EVENTS_URL: `${receiver.url}/events`,
      CALLBACK_DEBOUNCE_WAIT: "1000",
      CALLBACK_OBJECTS: '{"list":"Array"}',
      UNLOAD_DELAY_MS: "100",
    },
  });
}, 120_000);
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.disconnect()));
});

async function join(room: string, server: number): Promise<EditingClient> {
  const client = new EditingClient();
  clients.push(client);
  await client.connect(cluster.member(server).process.wsUrl, room);
  return client;
}

async function write(client: EditingClient, value: number): Promise<void> {
  client.doc.getArray("list").push([value]);
  await waitFor(() => client.acknowledged === client.clock, {
    message: "the edit is acknowledged",
  });
}

function listIn(body: string): readonly unknown[] {
  const { data } = JSON.parse(body) as { data: { list: { content: unknown[] } } };
  return data.list.content;
}

describe("events of a cluster", () => {
  it("report a room once, and the users on every server", async () => {
    const everybody = await Promise.all([0, 1, 2].map((server) => join("events", server)));
    const types = () => eventsOf(receiver, "events").map(({ type }) => type);
    const count = (type: string) => types().filter((one) => one === type).length;
    await waitFor(() => count("user-joined") === 3, {
      message: () => `three users have joined; events: ${types()}`,
    });
    for (const client of everybody.slice(0, 2)) await client.disconnect();
    await waitFor(() => count("user-left") === 2, {
      message: () => `two users have left; events: ${types()}`,
    });
    await everybody[2]?.disconnect();
    await waitFor(() => count("room-closed") > 0, {
      message: () => `the room is closed; events: ${types()}`,
    });
    expect(types().toSorted()).toEqual([
      "room-closed",
      "room-opened",
      ...Array(3).fill("user-joined"),
      ...Array(3).fill("user-left"),
    ]);
    expect(types().at(-1)).toBe("room-closed");
    expect(new Set(eventsOf(receiver, "events").map(({ server }) => server)).size).toBe(3);
  });
});

describe("callbacks of a cluster", () => {
  it("report edits on three servers once, with all of them", async () => {
    const everybody = await Promise.all([0, 1, 2].map((server) => join("spread", server)));
    for (const [index, client] of everybody.entries()) {
      for (const value of [0, 1, 2]) client.doc.getArray("list").push([3 * index + value]);
    }
    await Promise.all(everybody.map((client, index) => write(client, 9 + index)));
    await waitFor(() => receiver.of("spread").length > 0, { message: "a callback is received" });
    await write(await join("after", 1), 1);
    await waitFor(() => receiver.of("after").length > 0, {
      message: "a callback for a later edit is received",
    });
    const [only, ...others] = receiver.of("spread");
    expect(others).toEqual([]);
    expect(listIn(only?.body ?? "").toSorted()).toEqual([...Array(12).keys()].map(Number).sort());
  });

  it("are delivered by another server if the one that took the edit has crashed", async () => {
    const { DATABASE_URL = "" } = cluster.services.environment();
    const store = await openPostgresStore(DATABASE_URL, pino({ level: "silent" }));
    try {
      await write(await join("crash", 2), 1);
      await waitFor(async () => (await store.outbox.pending("room")).rows === 1, {
        message: "the room is pending in the outbox",
      });
      await cluster.member(2).process.kill();
      expect(receiver.of("crash")).toEqual([]);
      await waitFor(() => receiver.of("crash").length > 0, {
        message: "another server delivers the callback",
      });
      expect(listIn(receiver.of("crash")[0]?.body ?? "")).toEqual([1]);
    } finally {
      await store.close();
    }
  });
});
