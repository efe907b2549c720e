import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { ODD_ROOM_NAMES } from "../../src/conformance/test-storage.ts";
import type { ServerCalls } from "../../src/fleet/server-calls.ts";
import { RemoteServer } from "../../src/fleet/server-calls-remote.ts";
import { PeerError } from "../../src/replication/peers.ts";
import { ServerClient } from "../../src/replication/server-client.ts";
import { DeletedError } from "../../src/room/deleted-rooms.ts";
import { RoomClient, textOf } from "../replication/room-client.ts";
import { PartsOfCluster, SECRET, type ServerParts } from "../replication/server-parts.ts";

const cluster = new PartsOfCluster();
const releases: (() => unknown)[] = [];
beforeAll(() => cluster.startServices());
afterAll(() => cluster.stopServices());
beforeEach(() => cluster.begin());
afterEach(async () => {
  for (const release of releases.splice(0)) await release();
  await cluster.end();
});

describe.each([
  ["this server", ({ local }: ServerParts): ServerCalls => local],
  [
    "another server",
    ({ cluster: { address }, client }: ServerParts): ServerCalls =>
      new RemoteServer(address, client),
  ],
])("%s", (_, callsOf) => {
  it("reports its status", async () => {
    const server = await cluster.open();
    const calls = callsOf(server);
    expect(calls.address).toBe(server.cluster.address);
    const one = await RoomClient.open(server.documents, "room");
    one.type("hello");
    server.liveRooms.connected("room");
    server.health.watch("journal", () => "the disk is full");
    const status = await calls.status();
    expect(status).toMatchObject({
      version: "1.2.3",
      startedAt: 1_000,
      documents: 1,
      documentBytes: one.document.log.bytes,
      connections: 1,
      lease: "held",
      draining: false,
      failing: { journal: "the disk is full" },
    });
    expect(status.memory.resident).toBeGreaterThan(1_000_000);
    expect(status.memory.heapUsed).toBeGreaterThan(1_000_000);
    expect(status.loopDelay.max).toBeGreaterThanOrEqual(status.loopDelay.p99);
    expect(status.loopDelay.p99).toBeGreaterThanOrEqual(status.loopDelay.p50);
    server.health.accepting = false;
    expect((await calls.status()).draining).toBe(true);
  });

  it("reports the connections of its rooms: first all of them, then the changes", async () => {
    const { liveRooms, ...server } = await cluster.open();
    const calls = callsOf({ liveRooms, ...server });
    for (const room of ODD_ROOM_NAMES) liveRooms.connected(room);
    const all = await calls.liveRooms(null);
    expect(all.complete).toBe(true);
    expect(all.rooms).toEqual(ODD_ROOM_NAMES.map((room) => ({ room, connections: 1 })));
    liveRooms.disconnected("a");
    liveRooms.connected("A");
    const changed = await calls.liveRooms(all.mark);
    expect(changed).toMatchObject({ complete: false });
    expect(changed.rooms).toEqual([
      { room: "a", connections: 0 },
      { room: "A", connections: 2 },
    ]);
  });

  it("reports the rooms that it holds, even with odd names", async () => {
    const server = await cluster.open();
    const held = ODD_ROOM_NAMES.filter((_, index) => index % 2 === 0);
    await Promise.all(held.map((room) => server.documents.open(room)));
    server.liveRooms.connected("a");
    expect(await callsOf(server).held(ODD_ROOM_NAMES)).toEqual(
      held.map((room) => ({ room, connections: room === "a" ? 1 : 0 })),
    );
    expect(await callsOf(server).held([])).toEqual([]);
  });

  it("shows an open document and its awareness, without counting as a user of it", async () => {
    const server = await cluster.open();
    const calls = callsOf(server);
    expect(await calls.inspect("room")).toBeNull();
    expect(server.documents.holds("room")).toBe(false);
    const one = await RoomClient.open(server.documents, "room");
    await one.save("durable ");
    one.type("and not ");
    const awareness = new Awareness(one.doc);
    awareness.setLocalState({ name: "Ada" });
    one.sendAwareness(encodeAwarenessUpdate(awareness, [one.doc.clientID]));
    const shown = await calls.inspect("room");
    expect(textOf(shown?.updates ?? [])).toBe("and not durable ");
    expect(shown?.awareness).toMatchObject([{ client: one.doc.clientID }]);
    const state = new TextDecoder().decode(shown?.awareness[0]?.state);
    expect(JSON.parse(state)).toEqual({ name: "Ada" });
    expect(server.documents.usage()).toMatchObject({ open: 1, active: 1 });
    one.leave();
    expect(server.documents.usage()).toMatchObject({ open: 1, active: 0 });
    awareness.destroy();
  });

  it("shows a large document", async () => {
    const server = await cluster.open();
    const { room: document } = await server.documents.open("large");
    const doc = new Y.Doc();
    const bytes = new Uint8Array(20_000_000).map((_, i) => i % 251);
    doc.getMap("map").set("bytes", bytes);
    document.receive(Y.encodeStateAsUpdate(doc), Date.now());
    const shown = await callsOf(server).inspect("large");
    const copy = new Y.Doc();
    for (const update of shown?.updates ?? []) Y.applyUpdate(copy, update);
    const copied = copy.getMap<Uint8Array>("map").get("bytes") ?? new Uint8Array();
    expect(Buffer.compare(copied, bytes)).toBe(0);
  });

  it("drops a room, and refuses to open it until it is reopened", async () => {
    const server = await cluster.open();
    const calls = callsOf(server);
    const [one, other] = [
      await RoomClient.open(server.documents, "room"),
      await RoomClient.open(server.documents, "other room"),
    ];
    await one.save("stored ");
    one.type("not durable ");
    for (let time = 0; time < 2; time++) await calls.dropRoom("room");
    expect(one.closed).toBeInstanceOf(DeletedError);
    expect(other.closed).toBeUndefined();
    expect(server.documents.holds("room")).toBe(false);
    await expect(server.documents.open("room")).rejects.toThrow(DeletedError);
    expect(() => one.type("too late")).toThrow(DeletedError);
    expect(server.documents.journal.lag.bytes).toBe(0);
    await other.save("works");
    await calls.reopenRoom("room");
    // The stored content was not deleted.
    await RoomClient.open(server.documents, "room");
    const shown = await calls.inspect("room");
    expect(textOf(shown?.updates ?? [])).toContain("stored ");
  });

  it("rechecks access to a room", async () => {
    const server = await cluster.open();
    await callsOf(server).recheck("a/b ?");
    expect(server.rechecked).toEqual(["a/b ?"]);
  });
});

describe("calling another server", () => {
  async function post(
    { cluster: { address } }: ServerParts,
    call: string,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<number | undefined> {
    const request = httpRequest(`http://${address}/cluster/v1/calls/${call}`, {
      method: "POST",
      headers: { authorization: `Bearer ${SECRET}`, ...headers },
    });
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  }

  it("rejects a wrong secret, browsers and malformed requests", async () => {
    const server = await cluster.open();
    expect(await post(server, "held", '{"rooms":[]}')).toBe(200);
    for (const authorization of ["", "Bearer", "Bearer another secret"]) {
      for (const call of ["status", "liveRooms", "held", "inspect", "dropRoom", "recheck"]) {
        expect(await post(server, call, '{"room":"a"}', { authorization })).toBe(401);
      }
    }
    expect(await post(server, "dropRoom", '{"room":"a"}', { origin: "https://a.test" })).toBe(403);
    for (const body of ["", "{", "[]", '{"room":7}', "{}"]) {
      expect(await post(server, "dropRoom", body)).toBe(400);
    }
    await server.documents.open("a");
    const many = Array.from({ length: 1_001 }, (_, index) => `room-${index}`);
    const remote = new RemoteServer(server.cluster.address, server.client);
    await expect(remote.held(many)).rejects.toThrow(
      /status 400: .*the body of the held call is not valid/,
    );
  });

  it("fails within 5 s if the other server is silent, unreachable or rejects the secret", async () => {
    const server = await cluster.open();
    const silent = createServer((socket) => socket.on("error", () => {}));
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    releases.push(() => silent.close());
    const addresses = [`127.0.0.1:${(silent.address() as AddressInfo).port}`, "127.0.0.1:1"];
    const since = performance.now();
    await Promise.all(
      addresses.flatMap((address) => {
        const remote = new RemoteServer(address, server.client);
        const calls = [remote.status(), remote.inspect("a"), remote.liveRooms(null)];
        return calls.map((call) => expect(call).rejects.toThrow(PeerError));
      }),
    );
    expect(performance.now() - since).toBeLessThan(5_000);
    const refusing = new RemoteServer(server.cluster.address, wrongClient());
    await expect(refusing.status()).rejects.toThrow(/status 401.*CLUSTER_SECRET/);
  });

  function wrongClient(): ServerClient {
    const client = new ServerClient("another secret");
    releases.push(() => client.close());
    return client;
  }
});
