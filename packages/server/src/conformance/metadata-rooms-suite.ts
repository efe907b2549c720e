import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type {
  Metadata,
  MetadataEvent,
  RoomRecord,
  RoomSort,
  RoomsQuery,
} from "../storage/metadata.ts";
import { InvalidCursorError, toCursor } from "../storage/sql/rooms-cursor.ts";
import { modelRooms } from "./metadata-model.ts";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "./test-storage.ts";

const NOW = Date.UTC(2026, 10, 24, 12);
const SORTS: readonly RoomSort[] = ["name", "created", "updated", "bytes"];

/** The contract for lists of rooms. */
export function metadataRoomsSuite(
  name: string,
  create: () => Promise<TestStorage<Metadata>>,
): void {
  describe(`lists of rooms: ${name}`, () => {
    const store = useStore(create);

    it("lists nothing when there are no rooms", async () => {
      const empty = { rooms: [], next: null, total: 0 };
      for (const sort of SORTS) {
        const query = { sort, descending: true, limit: 10 };
        expect(await store.current.rooms(query)).toEqual(empty);
        expect(await store.current.rooms({ ...query, search: "a" })).toEqual(empty);
      }
      expect(await store.current.roomsNamed(["a"])).toEqual([]);
      expect(await store.current.roomsNamed([])).toEqual([]);
    });

    it("finds rooms by name, even with very many names", async () => {
      const rooms = await fill(ODD_ROOM_NAMES);
      const others = Array.from({ length: 2_000 }, (_, index) => `other ${index}`);
      const found = await store.current.roomsNamed([...others, ...ODD_ROOM_NAMES, "a", "a"]);
      expect(byName(found)).toEqual(byName(rooms));
      expect(await store.current.roomsNamed(["A", "b"])).toMatchObject([{ name: "A" }]);
    });

    it("pages through rooms in every order, even with odd names and equal sort keys", async () => {
      const rooms = await fill(ODD_ROOM_NAMES);
      for (const sort of SORTS) {
        for (const descending of [false, true]) {
          const expected = modelRooms(rooms, { sort, descending });
          for (const limit of [1, 2, 7, rooms.length, rooms.length + 1]) {
            expect(await all({ sort, descending, limit })).toEqual(expected);
          }
        }
      }
    });

    it("sorts rooms without a snapshot before the room with the oldest", async () => {
      await store.current.record([
        saved("first", 0, 5),
        saved("last", NOW, 5),
        opened("never", NOW + 1),
        opened("not", NOW),
      ]);
      const names = async (descending: boolean) =>
        (await all({ sort: "updated", descending, limit: 1 })).map(({ name }) => name);
      expect(await names(false)).toEqual(["never", "not", "first", "last"]);
      expect(await names(true)).toEqual(["last", "first", "not", "never"]);
    });

    it("lists each remaining room exactly once while others are added and deleted", async () => {
      const stay = Array.from({ length: 20 }, (_, index) => `room ${index} stays`);
      const go = Array.from({ length: 20 }, (_, index) => `room ${index} goes`);
      await fill([...stay, ...go]);
      for (const sort of SORTS) {
        const names: string[] = [];
        let after: string | undefined;
        for (let page = 0; page === 0 || after !== undefined; page += 1) {
          const query = { sort, descending: false, limit: 3, search: "stays", after };
          const { rooms, next } = await store.current.rooms(query);
          names.push(...rooms.map(({ name }) => name));
          await store.current.record([
            opened(`${sort} new ${page}`, NOW - page),
            saved(`${sort} and ${page}`, NOW - page, page),
            { type: "room-deleted", room: go[page] ?? "" },
          ]);
          after = next ?? undefined;
        }
        expect(names.sort()).toEqual([...stay].sort());
      }
    });

    it("searches for part of a name, ignoring case", async () => {
      await fill(["Notes/Today", "notes/tomorrow", "МОСКВА", "Ärger", "50%", "50_", "5\\0", "500"]);
      const search = async (text: string) => {
        const page = await store.current.rooms({
          search: text,
          sort: "name",
          descending: false,
          limit: 10,
        });
        expect(page).toMatchObject({ next: null, total: page.rooms.length });
        return page.rooms.map(({ name }) => name);
      };
      expect(await search("NOTES/")).toEqual(["Notes/Today", "notes/tomorrow"]);
      expect(await search("today")).toEqual(["Notes/Today"]);
      expect(await search("москв")).toEqual(["МОСКВА"]);
      expect(await search("ÄR")).toEqual(["Ärger"]);
      expect(await search("%")).toEqual(["50%"]);
      expect(await search("0_")).toEqual(["50_"]);
      expect(await search("\\")).toEqual(["5\\0"]);
      expect(await search("50")).toEqual(["50%", "500", "50_"]);
      expect(await search("n_tes")).toEqual([]);
      expect(await search("'")).toEqual([]);
      expect(await search("")).toHaveLength(8);
    });

    it("counts the matches on all pages", async () => {
      await fill(["a1", "a2", "a3", "b1"]);
      const query = { sort: "name" as const, descending: false, limit: 2 };
      const first = await store.current.rooms({ ...query, search: "a" });
      expect(first).toMatchObject({ rooms: [{ name: "a1" }, { name: "a2" }], total: 3 });
      const after = first.next ?? undefined;
      const second = await store.current.rooms({ ...query, search: "a", after });
      expect(second).toMatchObject({ rooms: [{ name: "a3" }], next: null, total: 3 });
      expect(await store.current.rooms(query)).toMatchObject({ total: 4 });
    });

    it("rejects malformed cursors and those of other lists", async () => {
      const cursors = [
        "",
        "?",
        "e30",
        toCursor("name", { key: null, name: "a" }),
        toCursor("bytes", { key: 1, name: "a" }),
        toCursor("created", { key: 1.5, name: "a" }),
        toCursor("created", { key: null, name: "a" }),
        toCursor("created", { key: 1, name: "a\0" }),
        Buffer.from('["created",1]').toString("base64url"),
        Buffer.from('["created",1,"a",2]').toString("base64url"),
        Buffer.from('["created","1","a"]').toString("base64url"),
      ];
      for (const after of cursors) {
        const page = store.current.rooms({ sort: "created", descending: false, limit: 1, after });
        await expect(page, after).rejects.toThrow(InvalidCursorError);
      }
    });

    it("matches a simple model", async () => {
      let model: readonly RoomRecord[] = [];
      const room = fc.record({
        name: fc.string({ unit: fc.constantFrom(..."aAbB%_\\éÉ😀"), minLength: 1, maxLength: 3 }),
        createdAt: fc.nat({ max: 3 }),
        updatedAt: fc.option(fc.nat({ max: 3 })),
        bytes: fc.nat({ max: 3 }),
      });
      const query = fc.record({
        search: fc.option(fc.string({ unit: fc.constantFrom(..."ab%_\\é"), maxLength: 2 }), {
          nil: undefined,
        }),
        sort: fc.constantFrom(...SORTS),
        descending: fc.boolean(),
        limit: fc.integer({ min: 1, max: 5 }),
      });
      const rooms = fc.uniqueArray(room, { selector: ({ name }) => name, maxLength: 12 });
      await fc.assert(
        fc.asyncProperty(rooms, fc.array(query, { maxLength: 5 }), async (records, queries) => {
          await store.current.record(
            model.map(({ name }) => ({ type: "room-deleted", room: name })),
          );
          model = records.map(asStored);
          await store.current.record(records.flatMap(eventsOf));
          for (const query of queries) expect(await all(query)).toEqual(modelRooms(model, query));
        }),
        { numRuns: 40 },
      );
    });

    /** Adds rooms, some with equal times and sizes, and some without a snapshot. */
    async function fill(names: readonly string[]): Promise<readonly RoomRecord[]> {
      const records = names.map((name, index) => ({
        name,
        createdAt: NOW + (index % 3),
        updatedAt: index % 4 === 0 ? null : NOW + (index % 4),
        bytes: index % 5,
      }));
      await store.current.record(records.flatMap(eventsOf));
      return records.map(asStored);
    }

    /** Reads all pages. */
    async function all(query: Omit<RoomsQuery, "after">): Promise<readonly RoomRecord[]> {
      const rooms: RoomRecord[] = [];
      let after: string | undefined;
      do {
        const page = await store.current.rooms({ ...query, after });
        expect(page.rooms.length).toBeLessThanOrEqual(query.limit);
        if (after !== undefined) expect(page.rooms).not.toEqual([]);
        rooms.push(...page.rooms);
        after = page.next ?? undefined;
      } while (after !== undefined);
      return rooms;
    }
  });
}

function opened(room: string, at: number): MetadataEvent {
  return { type: "room-opened", room, at };
}

function saved(room: string, at: number, bytes: number): MetadataEvent {
  return { type: "room-saved", room, at, bytes };
}

function eventsOf({ name, createdAt, updatedAt, bytes }: RoomRecord): MetadataEvent[] {
  const creation = opened(name, createdAt);
  return updatedAt === null ? [creation] : [creation, saved(name, updatedAt, bytes)];
}

/** A room without a snapshot has no size. */
function asStored(record: RoomRecord): RoomRecord {
  return record.updatedAt === null ? { ...record, bytes: 0 } : record;
}

function byName(rooms: readonly RoomRecord[]): readonly RoomRecord[] {
  return rooms.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
