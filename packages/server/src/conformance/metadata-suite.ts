import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../storage/errors.ts";
import type { Metadata, MetadataEvent } from "../storage/metadata.ts";
import { metadataActivitySuite } from "./metadata-activity-suite.ts";
import { connected, metadataConnectionsSuite } from "./metadata-connections-suite.ts";
import { applyToModel, type MetadataModel, modelConnections } from "./metadata-model.ts";
import { metadataRoomsSuite } from "./metadata-rooms-suite.ts";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "./test-storage.ts";

/** A realistic time, which does not fit into 32 bits. */
const NOW = Date.UTC(2026, 10, 24, 12);

/** The contract that every implementation of the metadata store must meet. */
export function metadataSuite(name: string, create: () => Promise<TestStorage<Metadata>>): void {
  metadataRoomsSuite(name, create);
  metadataConnectionsSuite(name, create);
  metadataActivitySuite(name, create);

  describe(`metadata: ${name}`, () => {
    const store = useStore(create);

    it("returns nothing for a room that was never opened", async () => {
      expect(await store.current.room("new")).toBeNull();
      expect(await store.current.connections({ from: 0, to: NOW, limit: 10 })).toEqual([]);
    });

    it("keeps admin sessions until they end, if it supports them", async () => {
      const sessions = () => store.current.adminSessions;
      if (sessions() === undefined) return;
      await sessions()?.beginSession("old", NOW - 1, NOW - 10);
      await sessions()?.beginSession("one", NOW + 1_000, NOW);
      await sessions()?.beginSession("other", NOW + 2_000, NOW);
      expect(await sessions()?.session("old")).toBeNull();
      await sessions()?.endSession("one");
      await sessions()?.endSession("one");
      await store.reopen();
      expect(await sessions()?.session("one")).toBeNull();
      expect(await sessions()?.session("other")).toBe(NOW + 2_000);
    });

    it("accepts an empty list of events", async () => {
      await store.current.record([]);
    });

    it("creates a room when it is first opened, and never again", async () => {
      await store.current.record([{ type: "room-opened", room: "a", at: NOW }]);
      await store.current.record([{ type: "room-opened", room: "a", at: NOW + 5 }]);
      const expected = { name: "a", createdAt: NOW, updatedAt: null, bytes: 0 };
      expect(await (await store.reopen()).room("a")).toEqual(expected);
    });

    it("keeps the size and time of the last snapshot", async () => {
      await store.current.record([
        { type: "room-opened", room: "a", at: NOW },
        { type: "room-saved", room: "a", at: NOW + 1, bytes: 10 },
        { type: "room-saved", room: "a", at: NOW + 2, bytes: 5_000_000_000 },
      ]);
      expect(await (await store.reopen()).room("a")).toEqual({
        name: "a",
        createdAt: NOW,
        updatedAt: NOW + 2,
        bytes: 5_000_000_000,
      });
    });

    it("ignores a repeated older event", async () => {
      const first: MetadataEvent = { type: "room-saved", room: "a", at: NOW + 1, bytes: 10 };
      const second: MetadataEvent = { type: "room-saved", room: "a", at: NOW + 2, bytes: 20 };
      await store.current.record([{ type: "room-opened", room: "a", at: NOW }, first, second]);
      await store.current.record([first]);
      const room = await store.current.room("a");
      expect(room).toEqual({ name: "a", createdAt: NOW, updatedAt: NOW + 2, bytes: 20 });
    });

    it("deletes a room, and creates it anew when it is opened again", async () => {
      await store.current.record([
        { type: "room-opened", room: "a", at: NOW },
        { type: "room-opened", room: "b", at: NOW },
        { type: "room-saved", room: "a", at: NOW + 1, bytes: 10 },
        { type: "room-deleted", room: "a" },
      ]);
      expect(await store.current.room("a")).toBeNull();
      expect(await store.current.room("b")).not.toBeNull();
      await store.current.record([{ type: "room-opened", room: "a", at: NOW + 9 }]);
      const expected = { name: "a", createdAt: NOW + 9, updatedAt: null, bytes: 0 };
      expect(await store.current.room("a")).toEqual(expected);
    });

    it("deletes the record of a room that was only visited", async () => {
      await store.current.record([
        { type: "room-opened", room: "visited", at: NOW },
        { type: "room-opened", room: "written", at: NOW },
        { type: "room-saved", room: "written", at: NOW + 1, bytes: 10 },
        { type: "room-unused", room: "visited" },
        { type: "room-unused", room: "written" },
        { type: "room-unused", room: "never there" },
      ]);
      expect(await store.current.room("visited")).toBeNull();
      expect(await store.current.room("written")).not.toBeNull();
    });

    it("keeps a deleted room's tombstone until it expires or is removed", async () => {
      await store.current.record([
        { type: "room-opened", room: "a", at: NOW },
        { type: "room-deleted", room: "a" },
        { type: "tombstone-set", room: "a", until: NOW + 60_000 },
        { type: "tombstone-set", room: "b", until: NOW + 10_000 },
        { type: "tombstone-set", room: "c", until: NOW + 60_000 },
        { type: "tombstone-removed", room: "c" },
      ]);
      const reopened = await store.reopen();
      expect(await reopened.room("a")).toBeNull();
      const a = { room: "a", until: NOW + 60_000 };
      const b = { room: "b", until: NOW + 10_000 };
      const all = await reopened.tombstones(NOW);
      expect(all.toSorted((one, other) => (one.room < other.room ? -1 : 1))).toEqual([a, b]);
      expect(await reopened.tombstones(NOW + 10_000)).toEqual([a]);
      await reopened.forgetTombstones(NOW + 10_000);
      expect(await reopened.tombstones(NOW)).toEqual([a]);
      await reopened.record([{ type: "tombstone-set", room: "a", until: NOW + 5_000 }]);
      expect(await reopened.tombstones(NOW)).toEqual([a]);
    });

    it("tells odd room names apart", async () => {
      await store.current.record(
        ODD_ROOM_NAMES.map((room, index) => ({ type: "room-opened", room, at: NOW + index })),
      );
      const reopened = await store.reopen();
      for (const [index, room] of ODD_ROOM_NAMES.entries()) {
        expect(await reopened.room(room)).toMatchObject({ name: room, createdAt: NOW + index });
      }
    });

    it("applies many events in order", async () => {
      const events = Array.from({ length: 1_000 }, (_, index): MetadataEvent[] => [
        { type: "room-opened", room: `room-${index % 10}`, at: NOW + index },
        { type: "room-deleted", room: `room-${index % 10}` },
        { type: "room-opened", room: `room-${index % 10}`, at: NOW + index },
      ]).flat();
      await store.current.record(events);
      expect((await store.current.room("room-3"))?.createdAt).toBe(NOW + 993);
    });

    it("waits for pending calls when it closes, and rejects later ones", async () => {
      const closed = store.current;
      const begun = closed.record([{ type: "room-opened", room: "a", at: NOW }]);
      const reopened = await store.reopen();
      await begun;
      const rejections = [
        closed.record([{ type: "room-opened", room: "b", at: NOW }]),
        closed.room("a"),
        closed.connections({ from: 0, to: NOW, limit: 1 }),
        closed.closeConnectionsOf("server:1", NOW),
        closed.forgetConnections(NOW),
        closed.rooms({ sort: "name", descending: false, limit: 1 }),
        closed.activity({ from: 0, to: 1, bucket: 60_000 }),
        closed.rollUpActivity(NOW),
        closed.tombstones(NOW),
        closed.forgetTombstones(NOW),
      ].map((call) => expect(call).rejects.toThrow(StorageError));
      await Promise.all(rejections);
      expect(await reopened.room("a")).not.toBeNull();
      expect(await reopened.room("b")).toBeNull();
    });

    it("matches a simple model, even if every batch is recorded twice", async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(event, { maxLength: 12 })), fc.boolean(), testRun),
        { numRuns: 60 },
      );

      async function testRun(batches: MetadataEvent[][], twice: boolean): Promise<void> {
        // Each run has its own rooms, connections and period of time.
        run += 1;
        const prefix = `${run}/`;
        const base = NOW + run * 1_000;
        const model: MetadataModel = {
          rooms: new Map(),
          connections: new Map(),
          tombstones: new Map(),
        };
        try {
          for (const batch of batches) {
            const events = batch.map((one) => shift(one, prefix, base)).filter(isPossible(model));
            await store.current.record(events);
            if (twice) await store.current.record(events);
          }
          for (const room of ROOMS) {
            const name = prefix + room;
            expect(await store.current.room(name)).toEqual(model.rooms.get(name) ?? null);
          }
          const buried = (await store.current.tombstones(0)).filter(({ room }) => {
            return room.startsWith(prefix);
          });
          expect(new Map(buried.map(({ room, until }) => [room, until]))).toEqual(model.tombstones);
          for (const from of [0, 3, 8]) {
            const range = { from: base + from, to: base + from + 3, limit: 1_000 };
            expect(await store.current.connections(range)).toEqual(modelConnections(model, range));
          }
        } finally {
          await store.current.closeConnectionsOf("server:1", base + 20);
        }
      }
    });
  });
}

const ROOMS = ["a", "b/", "😀"];
const at = fc.integer({ min: 0, max: 10 });
const room = fc.constantFrom(...ROOMS);

const event: fc.Arbitrary<MetadataEvent> = fc.oneof(
  fc.record({ type: fc.constant("room-opened" as const), room, at }),
  fc.record({ type: fc.constant("room-saved" as const), room, at, bytes: fc.nat() }),
  fc.record({ type: fc.constant("room-deleted" as const), room }),
  fc.record({ type: fc.constant("room-unused" as const), room }),
  fc.record({
    type: fc.constant("tombstone-set" as const),
    room,
    until: at.map((time) => time + 1),
  }),
  fc.record({ type: fc.constant("tombstone-removed" as const), room }),
  fc.record({ at, room }).map(({ at, room }) => ({ ...connected(`from-${at}`, at), room })),
  at.map((at) => ({ type: "disconnected" as const, connection: `from-${at}`, at: at + 2 })),
);

/** Applies events to the model, except those that no server can produce in this order. */
function isPossible(model: MetadataModel): (event: MetadataEvent) => boolean {
  return (event) => {
    if (event.type === "disconnected" && !model.connections.has(event.connection)) return false;
    applyToModel(model, event);
    return true;
  };
}

function shift(event: MetadataEvent, prefix: string, base: number): MetadataEvent {
  const shifted = { ...event };
  if ("room" in shifted) Object.assign(shifted, { room: prefix + shifted.room });
  if ("at" in shifted) Object.assign(shifted, { at: base + shifted.at });
  if ("connection" in shifted) {
    Object.assign(shifted, { connection: prefix + shifted.connection });
  }
  return shifted;
}
