import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LiveRooms } from "../../src/fleet/live-rooms.ts";
import { LiveView } from "../../src/fleet/live-view.ts";

const server = fc.nat({ max: 2 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("connect"), server, room: server }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("disconnect"), server, room: server }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("ask"), server, room: server }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart"), server, room: server }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("tell"), server, room: server }) },
);

describe("live view", () => {
  it("aggregates the connections and the changes of all servers", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const view = new LiveView();
        const told = new Map<string, unknown>();
        const servers = [new LiveRooms(), new LiveRooms(), new LiveRooms()];
        const ask = (index: number) => {
          const address = `server-${index}:1`;
          const changes = servers[index]?.changes(view.markOf(address));
          if (changes !== undefined) view.take(address, changes, 0);
        };
        const tell = () => {
          for (const [room, liveness] of view.takeChanged()) {
            if (liveness.connections === 0) told.delete(room);
            else told.set(room, liveness);
          }
        };
        for (const { do: name, server: index, room } of steps) {
          const live = servers[index];
          if (name === "connect") live?.connected(`room-${room}`);
          if (name === "disconnect" && live !== undefined && live.connectionsOf(`room-${room}`) > 0)
            live.disconnected(`room-${room}`);
          if (name === "ask") ask(index);
          if (name === "restart") servers[index] = new LiveRooms();
          if (name === "tell") tell();
        }
        servers.forEach((_, index) => {
          ask(index);
        });
        const truth = new Map<string, { connections: number; servers: string[] }>();
        for (const room of ["room-0", "room-1", "room-2"]) {
          const counts = servers.map((live) => live.connectionsOf(room));
          const holders = counts.flatMap((count, i) => (count > 0 ? [`server-${i}:1`] : []));
          const connections = counts.reduce((sum, count) => sum + count, 0);
          if (connections > 0) truth.set(room, { connections, servers: holders });
        }
        expect(view.all()).toEqual(truth);
        expect(view.totals).toEqual({
          connections: servers.reduce((sum, live) => sum + live.total, 0),
          rooms: truth.size,
        });
        tell();
        expect(told).toEqual(truth);
      }),
    );
  });

  it("keeps the connections of an unresponsive server until its lease expires", () => {
    const view = new LiveView();
    const live = new LiveRooms();
    live.connected("room");
    for (const address of ["a:1", "b:1"]) view.take(address, live.changes(null), 0);
    view.take("a:1", live.changes(view.markOf("a:1")), 10_001);
    view.keep(new Set(["a:1", "b:1"]), 10_000);
    expect(view.all().get("room")).toEqual({ connections: 2, servers: ["a:1", "b:1"] });
    view.forgetChanged();
    view.keep(new Set(["a:1", "b:1"]), 10_001);
    expect(view.takeChanged()).toEqual(new Map([["room", { connections: 1, servers: ["a:1"] }]]));
    expect(view.totals).toEqual({ connections: 1, rooms: 1 });
    // When it responds again, it is asked for all of its rooms.
    expect(view.markOf("b:1")).toBeNull();
  });

  it("immediately drops the connections of a server that is no longer alive", () => {
    const view = new LiveView();
    const live = new LiveRooms();
    live.connected("room");
    view.take("a:1", live.changes(null), 0);
    view.keep(new Set(), 0);
    expect(view.all()).toEqual(new Map());
    expect(view.takeChanged().get("room")).toEqual({ connections: 0, servers: [] });
  });
});
