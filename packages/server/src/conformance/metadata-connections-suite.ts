import { describe, expect, it } from "vitest";
import type { ConnectionRecord, Metadata, MetadataEvent } from "../storage/metadata.ts";
import { type TestStorage, useStore } from "./test-storage.ts";

const NOW = Date.UTC(2026, 10, 24, 12);

/** The contract for connections. */
export function metadataConnectionsSuite(
  name: string,
  create: () => Promise<TestStorage<Metadata>>,
): void {
  describe(`connections: ${name}`, () => {
    const store = useStore(create);

    it("deletes connections that ended before a time, and no others", async () => {
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

    it("deletes connections that all ended at the same time", async () => {
      const ids = Array.from({ length: 1_200 }, (_, i) => `${i}`);
      await store.current.record(ids.map((id) => connected(id, NOW)));
      await store.current.closeConnectionsOf("server:1", NOW + 5);
      expect(await store.current.forgetConnections(NOW + 5)).toBe(0);
      expect(await store.current.forgetConnections(NOW + 6)).toBe(1_200);
      expect(await store.current.connections({ from: 0, to: 2 * NOW, limit: 10 })).toEqual([]);
    });

    it("returns connections that began at the same time in byte order", async () => {
      const ids = ["b", "é", "_", "B", "a", " a", "A", "10", "9", "日"];
      await store.current.record(ids.map((id) => connected(id, NOW)));
      const found = await store.current.connections({ from: NOW, to: NOW + 1, limit: 10 });
      const expected = [" a", "10", "9", "A", "B", "_", "a", "b", "é", "日"];
      expect(found.map(({ connection }) => connection)).toEqual(expected);
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

    it("finds the connections that were open at any time in the range, oldest first", async () => {
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
      const ended = [
        await store.current.closeConnectionsOf("server:1", NOW + 10),
        await store.current.closeConnectionsOf("server:1", NOW + 20),
        await store.current.closeConnectionsOf("unknown", NOW + 20),
      ];
      expect(ended).toEqual([[{ connection: "one", room: "a" }], [], []]);
      const found = await store.current.connections({ from: 0, to: 2 * NOW, limit: 10 });
      expect(found.map((record) => [record.connection, record.disconnectedAt])).toEqual([
        ["one", NOW + 10],
        ["two", null],
        ["three", NOW + 3],
      ]);
    });

    it("does not end connections that began after the given time", async () => {
      await store.current.record([
        connected("before", NOW),
        connected("then", NOW + 5),
        connected("after", NOW + 6),
      ]);
      await store.current.closeConnectionsOf("server:1", NOW + 5);
      const found = await store.current.connections({ from: 0, to: 2 * NOW, limit: 10 });
      expect(found.map((record) => [record.connection, record.disconnectedAt])).toEqual([
        ["before", NOW + 5],
        ["then", NOW + 5],
        ["after", null],
      ]);
    });

    it("finds all connections open at a given moment, even those that lasted for days", async () => {
      const day = 86_400_000;
      const lasting = (id: string, from: number, to: number): MetadataEvent[] => [
        connected(id, NOW + from * day),
        { type: "disconnected", connection: id, at: NOW + to * day },
      ];
      await store.current.record([
        connected("still open", NOW - 9 * day),
        ...lasting("long", -8, 0),
        ...lasting("over", -7, -0.001),
        ...lasting("two days", -1.5, 0.5),
        ...lasting("a day to the end", -1, 0),
        ...lasting("a day", -0.5, 0.5),
        ...lasting("begins", 0, 3),
        ...lasting("later", 0.1, 3),
      ]);
      const range = { from: NOW, to: NOW + 1, limit: 100 };
      const expected = ["still open", "long", "two days", "a day to the end", "a day", "begins"];
      const names = async (limit: number) =>
        (await store.current.connections({ ...range, limit })).map((record) => record.connection);
      expect(await names(100)).toEqual(expected);
      expect(await names(3)).toEqual(expected.slice(0, 3));
    });

    it("lists the connections of one room, newest first, page by page", async () => {
      const ids = Array.from({ length: 10 }, (_, index) => `${index}`);
      await store.current.record([
        // Three connections at a time begin in the same millisecond.
        ...ids.map((id, index) => connected(id, NOW + Math.floor(index / 3))),
        { type: "disconnected", connection: "4", at: NOW + 50 },
        connected("other", NOW, "server:1", "b"),
      ]);
      for (const limit of [1, 2, 3, 10, 11]) {
        const found: ConnectionRecord[] = [];
        for (;;) {
          const page = { limit, before: found.at(-1) };
          const records = await store.current.connectionsOf("a", page);
          expect(records.length).toBeLessThanOrEqual(limit);
          if (records.length === 0) break;
          found.push(...records);
        }
        expect(found.map(({ connection }) => connection)).toEqual(ids.toReversed());
        expect(found[5]).toMatchObject({ connectedAt: NOW + 1, disconnectedAt: NOW + 50 });
      }
      expect(await store.current.connectionsOf("c", { limit: 10 })).toEqual([]);
    });
  });
}

export function connected(
  connection: string,
  at: number,
  server = "server:1",
  room = "a",
): MetadataEvent {
  return { type: "connected", connection, room, server, at };
}
