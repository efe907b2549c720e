import { describe, expect, it } from "vitest";
import { FairQueue, MOST_QUEUED_PER_ROOM } from "../../src/room/workers/fair-queue.ts";

interface Item {
  readonly room: string;
  readonly expectedMs: number;
  readonly name: string;
}

const item = (room: string, expectedMs: number, name = room): Item => ({ room, expectedMs, name });

function drain(queue: FairQueue<Item>): string[] {
  const names: string[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) names.push(next.name);
  return names;
}

describe("a fair queue", () => {
  it("keeps the order of a room's tasks", () => {
    const queue = new FairQueue<Item>();
    for (const name of ["1", "2", "3"]) queue.push(item("a", 5, name));
    expect(drain(queue)).toEqual(["1", "2", "3"]);
  });

  it("serves a new room ahead of another room's backlog", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 100; i++) queue.push(item("greedy", 1));
    queue.shift();
    queue.push(item("late", 1));
    expect(drain(queue).indexOf("late")).toBeLessThan(2);
  });

  it("serves small tasks before large ones, without starving the large ones", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < 10; i++) queue.push(item(`large${i}`, 100));
    queue.push(item("small", 1));
    expect(queue.shift()?.name).toBe("small");
    // A steady stream of small tasks does not keep the large ones waiting forever.
    const served: string[] = [];
    for (let i = 0; i < 300; i++) {
      queue.push(item("small", 1));
      served.push(queue.shift()?.name ?? "");
    }
    expect(served.filter((name) => name.startsWith("large")).length).toBe(10);
  });

  it("charges a room for what its tasks actually cost", () => {
    const queue = new FairQueue<Item>();
    const first = item("bomb", 1);
    queue.push(first);
    queue.shift();
    queue.charge(first, 1_000);
    queue.push(item("bomb", 1));
    for (let i = 0; i < 20; i++) queue.push(item("honest", 5));
    expect(drain(queue).at(-1)).toBe("bomb");
  });

  it("remembers a room's debt while many other rooms come and go", () => {
    const queue = new FairQueue<Item>();
    const bomb = item("bomb", 1);
    queue.push(bomb);
    queue.shift();
    queue.charge(bomb, 1_000_000);
    for (let i = 0; i < 20_000; i++) {
      queue.push(item(`visited ${i}`, 1));
      expect(queue.shift()?.name).toBe(`visited ${i}`);
    }
    queue.push(item("bomb", 1));
    for (let i = 0; i < 20; i++) queue.push(item("honest", 5));
    expect(drain(queue).at(-1)).toBe("bomb");
  });

  it("refuses tasks only of a room that has too many waiting", () => {
    const queue = new FairQueue<Item>();
    for (let i = 0; i < MOST_QUEUED_PER_ROOM; i++) expect(queue.push(item("a", 1))).toBe(true);
    expect(queue.push(item("a", 1))).toBe(false);
    expect(queue.push(item("b", 1))).toBe(true);
  });

  it("removes and returns the matching tasks of a room", () => {
    const queue = new FairQueue<Item>();
    queue.push(item("a", 1, "kept"));
    queue.push(item("a", 1, "gone"));
    queue.push(item("b", 1));
    expect(queue.remove("a", ({ name }) => name === "gone").map(({ name }) => name)).toEqual([
      "gone",
    ]);
    expect(queue.size).toBe(2);
    expect(drain(queue).sort()).toEqual(["b", "kept"]);
    expect(queue.remove("a", () => true)).toEqual([]);
  });
});
