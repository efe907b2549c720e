import fc from "fast-check";
import { expect, test } from "vitest";
import { formatRoute, parseRoute } from "../../../dashboard/src/routing/route.ts";

test.each([
  ["", { view: "overview", range: "24h" }],
  ["#/", { view: "overview", range: "24h" }],
  ["#/?range=7d", { view: "overview", range: "7d" }],
  ["#/?range=7y", { view: "overview", range: "24h" }],
  ["#/live?filter=a%20b", { view: "live", filter: "a b" }],
  ["#/live/a%2Fb", { view: "live-room", room: "a/b" }],
  ["#/room/..%2F%3F%23", { view: "room", room: "../?#" }],
  ["#/room/a/b", { view: "room", room: "a/b" }],
  ["#/servers", { view: "servers" }],
  [
    "#/rooms?search=x&sort=bytes&order=asc&cursor=abc&page=3",
    { view: "rooms", search: "x", sort: "bytes", order: "asc", cursor: "abc", page: 3 },
  ],
  // Without a cursor, the page number is ignored.
  [
    "#/rooms?page=3",
    { view: "rooms", search: "", sort: "updated", order: "desc", cursor: "", page: 1 },
  ],
])("parses the hash %j", (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

test.each(["#/nothing", "#/room", "#/room/", "#/room/%", "#/servers/one"])(
  "does not find a view for the hash %s",
  (hash) => {
    expect(parseRoute(hash)).toEqual({ view: "nowhere", hash });
  },
);

test("parses the formatted route of any room", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(name, fc.constantFrom("room", "live-room"), (room, view) => {
      const route = { view, room } as const;
      // The hash as a browser returns it.
      const { hash } = new URL(formatRoute(route), "http://localhost/dashboard/");
      expect(parseRoute(hash)).toEqual(route);
    }),
  );
});

test("parses the formatted route of any list of rooms", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string({ minLength: 1 }),
      fc.integer({ min: 1 }),
      (search, cursor, page) => {
        const route = { view: "rooms", search, sort: "name", order: "asc", cursor, page } as const;
        const { hash } = new URL(formatRoute(route), "http://localhost/dashboard/");
        expect(parseRoute(hash)).toEqual({
          ...route,
          search: search.toWellFormed(),
          cursor: cursor.toWellFormed(),
        });
      },
    ),
  );
});
