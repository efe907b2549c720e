import { expect, test } from "vitest";
import {
  applyRoomsEvent,
  filterLiveRooms,
  type LiveRooms,
} from "../../../dashboard/src/live/live-rooms.ts";

function room(name: string, connections: number) {
  return { name, connections, servers: ["a:1"] };
}

function namesOf(live: LiveRooms, text = ""): string[] {
  return filterLiveRooms(live, text).map(({ name }) => name);
}

const first = applyRoomsEvent(undefined, {
  complete: true,
  rooms: [room("One", 1), room("two", 5), room("three", 1)],
  totals: { connections: 7, rooms: 3 },
});

test("applies changes to the previous state, without modifying it", () => {
  const next = applyRoomsEvent(first, {
    complete: false,
    rooms: [room("two", 0), room("four", 2), room("One", 3)],
    totals: { connections: 6, rooms: 3 },
  });
  expect(namesOf(next)).toEqual(["One", "four", "three"]);
  expect(next.totals).toEqual({ connections: 6, rooms: 3 });
  expect(namesOf(first)).toEqual(["two", "One", "three"]);
});

test("replaces the previous state with a complete one", () => {
  const next = applyRoomsEvent(first, {
    complete: true,
    rooms: [room("new", 1)],
    totals: { connections: 1, rooms: 1 },
  });
  expect(namesOf(next)).toEqual(["new"]);
});

test("finds rooms by a part of their name, case-insensitively", () => {
  expect(namesOf(first, "ONE")).toEqual(["One"]);
  expect(namesOf(first, " t")).toEqual(["two", "three"]);
  expect(namesOf(first, "nothing")).toEqual([]);
});
