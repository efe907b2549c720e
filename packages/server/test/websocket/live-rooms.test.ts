import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LiveRooms } from "../../src/fleet/live-rooms.ts";
import type { LiveChanges, LiveMark } from "../../src/fleet/server-calls.ts";

/** More changes than are kept. */
const MANY = 20_000;

/** A caller that polls repeatedly. */
class Follower {
  mark: LiveMark | null = null;
  readonly rooms: Map<string, number> = new Map();

  take({ mark, complete, rooms }: LiveChanges): void {
    if (complete) this.rooms.clear();
    for (const { room, connections } of rooms) {
      if (connections === 0) this.rooms.delete(room);
      else this.rooms.set(room, connections);
    }
    this.mark = mark;
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("connect" as const), at: fc.nat({ max: 4 }) }),
  fc.record({ do: fc.constant("disconnect" as const), at: fc.nat({ max: 4 }) }),
  fc.record({ do: fc.constant("ask" as const), at: fc.nat({ max: 2 }) }),
);

describe("the connections of a server by room", () => {
  it("can be followed from changes alone, however often callers poll", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const live = new LiveRooms();
        const truth = new Map<string, number>();
        const followers = [new Follower(), new Follower(), new Follower()];
        const ask = (follower: Follower | undefined) => follower?.take(live.changes(follower.mark));
        for (const { do: name, at } of steps) {
          const room = `room-${at}`;
          const before = truth.get(room) ?? 0;
          if (name === "ask") ask(followers[at]);
          if (name === "connect") {
            truth.set(room, before + 1);
            live.connected(room);
          }
          if (name === "disconnect" && before > 0) {
            if (before === 1) truth.delete(room);
            else truth.set(room, before - 1);
            live.disconnected(room);
          }
        }
        for (const follower of followers) {
          ask(follower);
          expect(follower.rooms).toEqual(truth);
        }
        expect(live.total).toBe([...truth.values()].reduce((sum, count) => sum + count, 0));
      }),
    );
  });

  it("are reported once per changed room, including rooms without connections left", () => {
    const live = new LiveRooms();
    live.connected("stays");
    const { mark } = live.changes(null);
    for (let i = 0; i < 3; i++) live.connected("busy");
    live.connected("ended");
    live.disconnected("ended");
    const changes = live.changes(mark);
    expect(changes.complete).toBe(false);
    expect(changes.rooms).toEqual([
      { room: "busy", connections: 3 },
      { room: "ended", connections: 0 },
    ]);
    expect(live.changes(changes.mark).rooms).toEqual([]);
  });

  it("are reported completely for a mark that is too old or from before a restart", () => {
    const live = new LiveRooms();
    const { mark } = live.changes(null);
    for (let i = 0; i < MANY; i++) {
      live.connected(`room-${i}`);
      if (i > 0) live.disconnected(`room-${i}`);
    }
    const rooms = [{ room: "room-0", connections: 1 }];
    expect(live.changes(mark)).toMatchObject({ complete: true, rooms });
    const restarted = new LiveRooms();
    expect(restarted.changes(mark)).toMatchObject({ complete: true, rooms: [] });
  });
});
