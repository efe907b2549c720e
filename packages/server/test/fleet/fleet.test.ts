import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LiveRoomsChange } from "../../src/fleet/live-watch.ts";
import { RegistryError } from "../../src/replication/registry.ts";
import { RoomClient, textOf } from "../replication/room-client.ts";
import { PartsOfCluster, type ServerParts } from "../replication/server-parts.ts";
import { waitFor } from "../support/wait-for.ts";

const cluster = new PartsOfCluster();
beforeAll(() => cluster.startServices());
afterAll(() => cluster.stopServices());
beforeEach(() => cluster.begin());
afterEach(() => cluster.end());

async function three(): Promise<[ServerParts, ServerParts, ServerParts]> {
  return [await cluster.open(), await cluster.open(), await cluster.open()];
}

/** Makes a server unreachable for the others, without warning. */
function cutOff({ http }: ServerParts): void {
  http.close();
  http.closeAllConnections();
}

function addressesOf(...servers: ServerParts[]): string[] {
  return servers.map(({ cluster: { address } }) => address).sort();
}

describe("fleet", () => {
  it("reports the status of all servers from any of them, and names the unreachable ones", async () => {
    const [a, b, c] = await three();
    for (const server of [a, b, c]) {
      const { servers, unreachable } = await server.fleet.statuses();
      expect(servers[0]?.address).toBe(server.cluster.address);
      expect(servers.map(({ address }) => address).sort()).toEqual(addressesOf(a, b, c));
      expect(servers.map(({ lease }) => lease)).toEqual(["held", "held", "held"]);
      expect(unreachable).toEqual([]);
    }
    cutOff(b);
    const { servers, unreachable } = await a.fleet.statuses();
    expect(servers.map(({ address }) => address).sort()).toEqual(addressesOf(a, c));
    expect(unreachable).toEqual([
      {
        address: b.cluster.address,
        reason: expect.stringContaining(`the request to ${b.cluster.address} failed: `),
      },
    ]);
  });

  it("reports the holders of rooms and their connections", async () => {
    const [a, b, c] = await three();
    await Promise.all([a.documents.open("shared"), c.documents.open("shared")]);
    await b.documents.open("one");
    for (const { liveRooms } of [a, a, c]) liveRooms.connected("shared");
    const many = Array.from({ length: 2_500 }, (_, index) => `nobody-${index}`);
    const held = await b.fleet.held(["shared", ...many, "one"]);
    expect([...held.keys()].sort()).toEqual(["one", "shared"]);
    expect(held.get("shared")?.connections).toBe(3);
    expect([...(held.get("shared")?.servers ?? [])].sort()).toEqual(addressesOf(a, c));
    expect(held.get("one")).toEqual({ connections: 0, servers: addressesOf(b) });
  });

  it("shows a document that any server has open, without opening it on others", async () => {
    const [a, b, c] = await three();
    expect(await a.fleet.inspect("room")).toBeNull();
    const writer = await RoomClient.open(c.documents, "room");
    writer.type("here");
    for (const server of [a, b, c]) {
      expect(textOf((await server.fleet.inspect("room"))?.updates ?? [])).toBe("here");
    }
    expect(a.documents.holds("room")).toBe(false);
    cutOff(c);
    expect(await a.fleet.inspect("room")).toBeNull();
  });

  it("rechecks access to a room on every server, or reports that it could not", async () => {
    const [a, b, c] = await three();
    await b.fleet.recheck("room");
    expect([a, b, c].map(({ rechecked }) => rechecked)).toEqual([["room"], ["room"], ["room"]]);
    cutOff(a);
    await expect(b.fleet.recheck("room")).rejects.toThrow(
      /^checking the connections of room "room" requires all servers, and 1 failed: /,
    );
    expect(c.rechecked).toEqual(["room", "room"]);
  });

  it("asks the last known servers for their status, but deletes no room, while the registry is down", async () => {
    const [a, b] = [await cluster.open(), await cluster.open()];
    expect((await a.fleet.statuses()).servers).toHaveLength(2);
    await cluster.registry.kill();
    await expect(a.fleet.deleteRoom("room")).rejects.toThrow(RegistryError);
    const { servers } = await a.fleet.statuses();
    expect(servers.map(({ address }) => address).sort()).toEqual(addressesOf(a, b));
    await waitFor(async () => (await b.fleet.statuses()).servers[0]?.lease === "lapsed", {
      message: "the lease has expired",
    });
    await cluster.registry.start();
  });
});

/** Records what a listener receives. */
function follow(server: ServerParts) {
  const calls: LiveRoomsChange[] = [];
  const rooms = new Map<string, number>();
  const stop = server.fleet.watchLiveRooms((change) => {
    calls.push(change);
    if (change.complete) rooms.clear();
    for (const [room, { connections }] of change.rooms) {
      if (connections === 0) rooms.delete(room);
      else rooms.set(room, connections);
    }
  });
  return { calls, rooms, stop };
}

describe("live rooms", () => {
  it("are sent to every listener: first all of them, then the changes on any server", async () => {
    const [a, b, c] = await three();
    b.liveRooms.connected("b's");
    const first = follow(a);
    await waitFor(() => first.calls.length === 1, {
      message: "the first listener has received all rooms",
    });
    expect(first.calls[0]).toEqual({
      complete: true,
      rooms: new Map([["b's", { connections: 1, servers: addressesOf(b) }]]),
      totals: { connections: 1, rooms: 1 },
    });
    for (const { liveRooms } of [a, b, c]) liveRooms.connected("shared");
    const expected = new Map([
      ["b's", 1],
      ["shared", 3],
    ]);
    await waitFor(() => first.rooms.get("shared") === 3, {
      message: "the first listener has received the change",
    });
    const second = follow(a);
    await waitFor(() => second.calls.length === 1, {
      message: "the second listener has received all rooms",
    });
    expect(second.calls[0]).toMatchObject({ complete: true, totals: { connections: 4, rooms: 2 } });
    expect([first.rooms, second.rooms]).toEqual([expected, expected]);
    expect(await a.fleet.liveRooms()).toEqual(second.calls[0]?.rooms);
    b.liveRooms.disconnected("b's");
    await waitFor(() => !first.rooms.has("b's") && !second.rooms.has("b's"), {
      message: "both listeners have received the removal",
    });
    const last = first.calls.at(-1);
    expect(last?.complete).toBe(false);
    expect(last?.rooms).toEqual(new Map([["b's", { connections: 0, servers: [] }]]));
    expect(last?.totals).toEqual({ connections: 3, rooms: 1 });
    first.stop();
    second.stop();
  });

  it("are polled once for all listeners, and not at all without listeners", async () => {
    const [a, b] = [await cluster.open(), await cluster.open()];
    let asked = 0;
    b.http.prependListener("request", () => {
      asked++;
    });
    const began = performance.now();
    const listeners = Array.from({ length: 20 }, () => follow(a));
    listeners.push(follow(a));
    await waitFor(() => listeners.every(({ calls }) => calls.length === 1), {
      message: "all listeners have received the rooms",
    });
    a.liveRooms.connected("room");
    await waitFor(() => listeners.every(({ rooms }) => rooms.has("room")), {
      message: "all listeners have received the change",
    });
    expect(asked).toBeLessThanOrEqual(3 + (performance.now() - began) / 1_000);
    for (const { stop } of listeners) stop();
    const seen = listeners.map(({ calls }) => calls.length);
    a.liveRooms.connected("room");
    // Requests that were pending when they stopped may still arrive at the other server.
    await a.fleet.liveRooms();
    const before = asked;
    const stopped = performance.now();
    await waitFor(() => performance.now() - stopped > 2_500, { message: "2.5 s have passed" });
    expect(asked).toBe(before);
    expect(listeners.map(({ calls }) => calls.length)).toEqual(seen);
  });

  it("disappear with a server that leaves, and appear with one that joins", async () => {
    const [a, b] = [await cluster.open(), await cluster.open()];
    b.liveRooms.connected("b's");
    const { rooms, stop } = follow(a);
    await waitFor(() => rooms.has("b's"), { message: "the room of b is reported" });
    await b.cluster.registry.close();
    await waitFor(() => !rooms.has("b's"), { message: "the room of b has disappeared" });
    const c = await cluster.open();
    c.liveRooms.connected("c's");
    await waitFor(() => rooms.has("c's"), { message: "the room of the new server is reported" });
    stop();
  });

  it("reach the other listeners if one throws", async () => {
    const a = await cluster.open();
    const stopFailing = a.fleet.watchLiveRooms(() => {
      throw new Error("a listener that fails");
    });
    const { rooms, stop } = follow(a);
    a.liveRooms.connected("room");
    await waitFor(() => rooms.has("room"), { message: "the other listener has received the room" });
    stopFailing();
    stop();
  });
});
