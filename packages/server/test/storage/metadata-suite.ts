import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import type { Metadata, MetadataEvent } from "../../src/storage/metadata.ts";
import { applyToModel, type MetadataModel, modelConnections } from "./metadata-model.ts";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "./test-storage.ts";

/** A time of today: larger than what fits into 32 bits. */
const NOW = Date.UTC(2026, 10, 24, 12);

/** What every implementation of the metadata promises. */
export function metadataSuite(name: string, create: () => Promise<TestStorage<Metadata>>): void {
  describe(`metadata: ${name}`, () => {
    const store = useStore(create);

    it("knows nothing of a room that was never opened", async () => {
      expect(await store.current.room("new")).toBeNull();
      expect(await store.current.connections({ from: 0, to: NOW, limit: 10 })).toEqual([]);
    });

    it("forgets connections that ended before a time, and no others", async () => {
      const ids = Array.from({ length: 2_500 }, (_, i) => `${i}`);
      await store.current.record([
        ...ids.map((connection) => connected(connection, NOW)),
        ...ids.map((connection, i) => ({ type: "disconnected" as const, connection, at: NOW + i })),
        connected("open", NOW),
      ]);
      expect(await store.current.forgetConnections(NOW + 2_100)).toBe(2_100);
      expect(await store.current.forgetConnections(NOW + 2_100)).toBe(0);
      const left = await store.current.connections({ from: 0, to: NOW + 9_999, limit: 9_999 });
      expect(left.map(({ connection }) => connection).sort()).toEqual(
        [...ids.slice(2_100), "open"].sort(),
      );
    });

    it("forgets connections that all ended at the same time", async () => {
      const ids = Array.from({ length: 1_200 }, (_, i) => `${i}`);
      await store.current.record(ids.map((id) => connected(id, NOW)));
      await store.current.closeConnectionsOf("server:1", NOW + 5);
      expect(await store.current.forgetConnections(NOW + 5)).toBe(0);
      expect(await store.current.forgetConnections(NOW + 6)).toBe(1_200);
      expect(await store.current.connections({ from: 0, to: 2 * NOW, limit: 10 })).toEqual([]);
    });

    it("returns connections of the same time in the order of their bytes", async () => {
      const ids = ["b", "é", "_", "B", "a", " a", "A", "10", "9", "日"];
      await store.current.record(ids.map((id) => connected(id, NOW)));
      const found = await store.current.connections({ from: NOW, to: NOW + 1, limit: 10 });
      const expected = [" a", "10", "9", "A", "B", "_", "a", "b", "é", "日"];
      expect(found.map(({ connection }) => connection)).toEqual(expected);
    });

    it("accepts no events", async () => {
      await store.current.record([]);
    });

    it("creates a room when it is first opened, and never again", async () => {
      await store.current.record([{ type: "room-opened", room: "a", at: NOW }]);
      await store.current.record([{ type: "room-opened", room: "a", at: NOW + 5 }]);
      const expected = { name: "a", createdAt: NOW, updatedAt: null, bytes: 0 };
      expect(await (await store.reopen()).room("a")).toEqual(expected);
    });

    it("keeps size and time of the last snapshot", async () => {
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

    it("is not changed by an older event that comes again", async () => {
      const first: MetadataEvent = { type: "room-saved", room: "a", at: NOW + 1, bytes: 10 };
      const second: MetadataEvent = { type: "room-saved", room: "a", at: NOW + 2, bytes: 20 };
      await store.current.record([{ type: "room-opened", room: "a", at: NOW }, first, second]);
      await store.current.record([first]);
      const room = await store.current.room("a");
      expect(room).toEqual({ name: "a", createdAt: NOW, updatedAt: NOW + 2, bytes: 20 });
    });

    it("deletes a room, and begins anew when it is opened again", async () => {
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

    it("tells odd room names apart", async () => {
      await store.current.record(
        ODD_ROOM_NAMES.map((room, index) => ({ type: "room-opened", room, at: NOW + index })),
      );
      const reopened = await store.reopen();
      for (const [index, room] of ODD_ROOM_NAMES.entries()) {
        expect(await reopened.room(room)).toMatchObject({ name: room, createdAt: NOW + index });
      }
    });

    it("returns a connection as it was recorded, open and closed", async () => {
      await store.current.record([connected("one", NOW)]);
      const range = { from: NOW, to: NOW + 1, limit: 10 };
      const open = {
        connection: "one",
        room: "a",
        server: "server:1",
        connectedAt: NOW,
        disconnectedAt: null,
      };
      expect(await (await store.reopen()).connections(range)).toEqual([open]);
      await store.current.record([{ type: "disconnected", connection: "one", at: NOW + 7 }]);
      const closed = { ...open, disconnectedAt: NOW + 7 };
      expect(await (await store.reopen()).connections(range)).toEqual([closed]);
    });

    it("does not open or end a connection twice", async () => {
      const end: MetadataEvent = { type: "disconnected", connection: "one", at: NOW + 1 };
      await store.current.record([connected("one", NOW), end]);
      await store.current.record([connected("one", NOW + 2), { ...end, at: NOW + 3 }]);
      await store.current.record([{ type: "disconnected", connection: "unknown", at: NOW }]);
      const [only, ...others] = await store.current.connections({ from: 0, to: 2 * NOW, limit: 9 });
      expect(only).toMatchObject({ connectedAt: NOW, disconnectedAt: NOW + 1 });
      expect(others).toEqual([]);
    });

    it("keeps the connections of a room that is deleted", async () => {
      await store.current.record([connected("one", NOW), { type: "room-deleted", room: "a" }]);
      const found = await store.current.connections({ from: NOW, to: NOW + 1, limit: 10 });
      expect(found).toHaveLength(1);
    });

    it("finds the connections that were open at some time of the range, oldest first", async () => {
      await store.current.record([
        connected("during", NOW + 15),
        { type: "disconnected", connection: "during", at: NOW + 16 },
        connected("before", NOW),
        { type: "disconnected", connection: "before", at: NOW + 5 },
        connected("into", NOW + 1),
        { type: "disconnected", connection: "into", at: NOW + 12 },
        connected("out of", NOW + 19),
        { type: "disconnected", connection: "out of", at: NOW + 30 },
        connected("at the end", NOW + 20),
        connected("around", NOW + 2),
        { type: "disconnected", connection: "around", at: NOW + 40 },
        connected("still open", NOW + 3),
        connected("a moment", NOW + 11),
        { type: "disconnected", connection: "a moment", at: NOW + 11 },
      ]);
      const names = async (from: number, to: number, limit = 100) =>
        (await store.current.connections({ from: NOW + from, to: NOW + to, limit })).map(
          (record) => record.connection,
        );
      const all = ["into", "around", "still open", "a moment", "during", "out of"];
      expect(await names(10, 20)).toEqual(all);
      expect(await names(10, 20, 2)).toEqual(all.slice(0, 2));
      expect(await names(10, 20, 0)).toEqual([]);
      expect(await names(-10, 0)).toEqual([]);
      expect(await names(10, 10)).toEqual([]);
      expect(await names(20, 10)).toEqual([]);
      expect(await names(50, 60)).toEqual(["still open", "at the end"]);
    });

    it("ends the open connections of one server", async () => {
      await store.current.record([
        connected("one", NOW, "server:1"),
        connected("two", NOW + 1, "server:2"),
        connected("three", NOW + 2, "server:1"),
        { type: "disconnected", connection: "three", at: NOW + 3 },
      ]);
      await store.current.closeConnectionsOf("server:1", NOW + 10);
      await store.current.closeConnectionsOf("server:1", NOW + 20);
      await store.current.closeConnectionsOf("unknown", NOW + 20);
      const found = await store.current.connections({ from: 0, to: 2 * NOW, limit: 10 });
      expect(found.map((record) => [record.connection, record.disconnectedAt])).toEqual([
        ["one", NOW + 10],
        ["two", null],
        ["three", NOW + 3],
      ]);
    });

    it("applies many events in their order", async () => {
      const events = Array.from({ length: 1_000 }, (_, index): MetadataEvent[] => [
        { type: "room-opened", room: `room-${index % 10}`, at: NOW + index },
        { type: "room-deleted", room: `room-${index % 10}` },
        { type: "room-opened", room: `room-${index % 10}`, at: NOW + index },
      ]).flat();
      await store.current.record(events);
      expect((await store.current.room("room-3"))?.createdAt).toBe(NOW + 993);
    });

    it("waits for what was begun when it closes, and rejects what comes later", async () => {
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
      ].map((call) => expect(call).rejects.toThrow(StorageError));
      await Promise.all(rejections);
      expect(await reopened.room("a")).not.toBeNull();
      expect(await reopened.room("b")).toBeNull();
    });

    it("does what a simple model does, also when every batch comes twice", async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(event, { maxLength: 12 })), fc.boolean(), testRun),
        { numRuns: 60 },
      );

      async function testRun(batches: MetadataEvent[][], twice: boolean): Promise<void> {
        // Each run has rooms, connections and a span of time of its own.
        run += 1;
        const prefix = `${run}/`;
        const base = NOW + run * 1_000;
        const model: MetadataModel = { rooms: new Map(), connections: new Map() };
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
  fc.record({ at, room }).map(({ at, room }) => ({ ...connected(`from-${at}`, at), room })),
  at.map((at) => ({ type: "disconnected" as const, connection: `from-${at}`, at: at + 2 })),
);

/** Applies the events to the model, except those that no server can produce in this order. */
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

function connected(connection: string, at: number, server = "server:1"): MetadataEvent {
  return { type: "connected", connection, room: "a", server, at };
}
