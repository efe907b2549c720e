import { beforeAll, describe, expect, it } from "vitest";
import { signatureOf } from "../../src/webhooks/signature.ts";
import { EditingClient } from "../support/editing-client.ts";
import { ok, TestReceiver } from "../support/receiver.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Event, eventsOf } from "./received-events.ts";

const SECRET = "a secret of the tests";
const SETTINGS = { CALLBACK_SECRET: SECRET, CALLBACK_TIMEOUT: "500", UNLOAD_DELAY_MS: "50" };

let receiver: TestReceiver;
let server: ServerProcess;
beforeAll(async () => {
  receiver = await TestReceiver.start();
  const access = await TestReceiver.start();
  access.answer = (response, { body }) => {
    const { room } = JSON.parse(body) as { room: string };
    const subject = room.startsWith("nobody") ? null : `owner of ${room}`;
    response.end(JSON.stringify({ access: "read-write", subject }));
  };
  const env = { ...SETTINGS, EVENTS_URL: receiver.url, AUTH_WEBHOOK_URL: access.url };
  server = await startServer({ env });
});

async function join(room: string, at = server): Promise<EditingClient> {
  const client = new EditingClient();
  await client.connect(at.wsUrl, room);
  client.doc.getArray("list").push([1]);
  await waitFor(() => client.acknowledged === client.clock, {
    message: "the change is acknowledged",
  });
  return client;
}

/** Resolves to the events of a room once one has the given type. */
function until(type: Event["type"], room: string, from = receiver): Promise<readonly Event[]> {
  return waitFor(
    () => {
      const events = eventsOf(from, room);
      return events.some((event) => event.type === type) ? events : null;
    },
    {
      message: () =>
        `a ${type} event has arrived; received: ${JSON.stringify(eventsOf(from, room))}`,
    },
  );
}

describe("events", () => {
  it("report rooms and users in order", async () => {
    const before = Date.now();
    const [first, second] = [await join("one"), await join("one")];
    const other = await join("nobody");
    await first.disconnect();
    await second.disconnect();
    await other.disconnect();
    const events = await until("room-closed", "one");
    expect(events.map(({ type }) => type)).toEqual([
      "room-opened",
      "user-joined",
      "user-joined",
      "user-left",
      "user-left",
      "room-closed",
    ]);
    const address = new URL(server.url).host;
    for (const event of events) {
      expect(event).toMatchObject({ room: "one", server: address });
      expect(event.at).toBeGreaterThanOrEqual(before);
      expect(event.at).toBeLessThanOrEqual(Date.now());
      if (event.type.startsWith("user")) expect(event.subject).toBe("owner of one");
    }
    const [, one, two, three, four] = events.map(({ connection }) => connection);
    expect([three, four]).toEqual([one, two]);
    expect(one).not.toBe(two);
    const others = await until("room-closed", "nobody");
    expect(others.map(({ subject }) => subject)).toEqual([undefined, null, null, undefined]);
  });

  it("are signed", async () => {
    await (await join("signed")).disconnect();
    await until("room-closed", "signed");
    for (const { headers, body } of receiver.requests) {
      const signature = String(headers["x-symphony-signature"]);
      const seconds = Number(/^t=(\d+),/.exec(signature)?.[1]);
      expect(signature).toBe(signatureOf(SECRET, seconds, Buffer.from(body)));
      expect(headers["content-type"]).toBe("application/json");
    }
  });

  it("report once that a room was deleted", async () => {
    const client = await join("deleted");
    const response = await fetch(`${server.url}/api/rooms/deleted`, { method: "DELETE" });
    expect(response.status).toBe(204);
    expect(await client.disconnected()).toBe(4404);
    const types = (await until("room-deleted", "deleted")).map(({ type }) => type);
    expect(types.filter((type) => type === "room-deleted")).toHaveLength(1);
    await until("user-left", "deleted");
    await until("room-closed", "deleted");
  });

  it("wait while the receiver is unavailable, and keep their order", async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    const rooms = Array.from({ length: 30 }, (_, index) => `late-${index}`);
    for (const room of rooms) await (await join(room)).disconnect();
    await waitFor(
      () => server.logs.filter(({ msg }) => msg.includes("notification failed")).length > 1,
      { message: "two deliveries have failed" },
    );
    const refused = receiver.requests.length;
    receiver.answer = ok;
    const isTold = (room: string) => eventsOf(receiver, room, refused).length === 4;
    await waitFor(() => rooms.every(isTold), { message: "all events are delivered" });
    for (const room of rooms) {
      const types = eventsOf(receiver, room, refused).map(({ type }) => type);
      expect(types).toEqual(["room-opened", "user-joined", "user-left", "room-closed"]);
    }
  });

  it("report after a crash that its users have left", async () => {
    const own = await TestReceiver.start();
    const env = { ...SETTINGS, EVENTS_URL: own.url };
    const crashing = await startServer({ env });
    await join("crash", crashing);
    await until("user-joined", "crash", own);
    // Wait until the metadata has recorded the connection.
    await waitFor(
      async () => {
        const response = await fetch(`${crashing.url}/api/rooms/crash`);
        return response.status === 200;
      },
      { message: "the room is recorded" },
    );
    await crashing.kill();
    const again = await startServer({ env, dataDir: crashing.dataDir, port: crashing.port });
    const events = await until("room-closed", "crash", own);
    expect(events.map(({ type }) => type)).toEqual([
      "room-opened",
      "user-joined",
      "user-left",
      "room-closed",
    ]);
    const [, joined, left] = events;
    expect(left).toMatchObject({ connection: joined?.connection, subject: null });
    await again.stop();
  });

  it("are delivered before the server exits", async () => {
    const own = await TestReceiver.start();
    const ending = await startServer({ env: { ...SETTINGS, EVENTS_URL: own.url } });
    await join("ending", ending);
    expect(await ending.stop()).toBe(0);
    expect(eventsOf(own, "ending").map(({ type }) => type)).toEqual([
      "room-opened",
      "user-joined",
      "user-left",
      "room-closed",
    ]);
  });
});
