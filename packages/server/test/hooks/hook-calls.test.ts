import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { HookCalls, type HookLimits } from "../../src/hooks/hook-calls.ts";
import type { ChangeEvent, Hooks, LoadEvent } from "../../src/hooks/hooks.ts";
import { waitFor } from "../support/wait-for.ts";

const LIMITS: HookLimits = { callMs: 10_000, atOnce: 4, waiting: 100, bytes: 10_000 };

function calls(hooks: Hooks, limits: Partial<HookLimits> = {}) {
  const logs: Record<string, unknown>[] = [];
  const logger = pino({ level: "error" }, { write: (line) => logs.push(JSON.parse(line)) });
  return { hooks: new HookCalls(hooks, logger, { ...LIMITS, ...limits }), logs };
}

const told = (hooks: HookCalls) =>
  waitFor(() => hooks.stats.calls.size > 0, { message: "a hook has been called" });

describe("hook calls", () => {
  it("run in order within each room, without delaying other rooms, and never synchronously", async () => {
    const order: string[] = [];
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { hooks } = calls({
      onLoad: async ({ room }) => {
        order.push(`load ${room}`);
        if (room === "a") await gate;
        order.push(`loaded ${room}`);
      },
      onStore: ({ room, bytes }) => order.push(`store ${room} ${bytes}`),
    });
    hooks.loaded("a");
    hooks.stored({ room: "a", bytes: 1 });
    hooks.loaded("b");
    hooks.stored({ room: "b", bytes: 2 });
    expect(order).toEqual([]);
    await waitFor(() => order.includes("store b 2"), {
      message: "the hooks of the other room have run",
    });
    expect(order).not.toContain("loaded a");
    release();
    await waitFor(() => order.includes("store a 1"), {
      message: "the next hook of the room has run",
    });
    expect(order.filter((line) => line.includes(" a"))).toEqual([
      "load a",
      "loaded a",
      "store a 1",
    ]);
  });

  it("batch changes while the hook is busy, and copy them", async () => {
    const events: number[][] = [];
    let release = () => {};
    const { hooks } = calls({
      onChange: ({ changes }) => {
        events.push(changes.map(({ update }) => update[0] ?? -1));
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    });
    const update = Uint8Array.of(1);
    hooks.changed("a", update, null);
    hooks.changed("a", Uint8Array.of(2), null);
    update[0] = 9;
    await told(hooks);
    for (const value of [3, 4, 5]) hooks.changed("a", Uint8Array.of(value), null);
    release();
    await waitFor(() => events.length === 2, { message: "the remaining changes are delivered" });
    expect(events).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    release();
  });

  it("are logged with their room and counted if they fail, and the next one still runs", async () => {
    const loaded: string[] = [];
    const { hooks, logs } = calls(
      {
        onLoad: ({ room }) => {
          loaded.push(room);
        },
        onStore: ({ bytes }) => {
          if (bytes === 1) throw new Error("thrown");
          if (bytes === 2) return Promise.reject(new Error("rejected"));
          return new Promise(() => {});
        },
      },
      { callMs: 20 },
    );
    for (const bytes of [1, 2, 3]) hooks.stored({ room: "a", bytes });
    hooks.loaded("a");
    await waitFor(() => loaded.length === 1, { message: "the next hook has been called" });
    expect(hooks.stats.failures.get("onStore")).toBe(3);
    expect(hooks.stats.calls.get("onStore")).toBe(3);
    expect(logs.map(({ room, hook, err }) => [room, hook, (err as Error).message])).toEqual([
      ["a", "onStore", "thrown"],
      ["a", "onStore", "rejected"],
      ["a", "onStore", "the hook did not finish within 20 ms"],
    ]);
  });

  it("do not exceed the concurrency limit", async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    const { hooks } = calls({
      onLoad: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        done++;
      },
    });
    for (let room = 0; room < 50; room++) hooks.loaded(String(room));
    await waitFor(() => done === 50, { message: "the hook has run for all rooms" });
    expect(most).toBe(4);
  });

  it("are dropped and counted if too many wait, and logged once", async () => {
    const { hooks, logs } = calls(
      { onLoad: () => new Promise(() => {}), onChange: () => {} },
      { waiting: 2, atOnce: 1, bytes: 1_000 },
    );
    for (let room = 0; room < 5; room++) hooks.loaded(String(room));
    expect(hooks.stats.dropped.get("onLoad")).toBe(3);
    hooks.changed("0", Uint8Array.of(1), null);
    expect(hooks.stats.dropped.get("onChange")).toBe(1);
    expect(logs).toHaveLength(1);
  });

  it("do not hold more bytes of changes than the limit", () => {
    const { hooks } = calls({ onChange: () => {} }, { bytes: 2_000 });
    for (let i = 0; i < 20; i++) hooks.changed("a", new Uint8Array(1_000), null);
    expect(hooks.stats.dropped.get("onChange")).toBe(19);
  });

  it("can be methods of an object", async () => {
    class Rooms implements Hooks {
      readonly names: string[] = [];
      onLoad({ room }: LoadEvent): void {
        this.names.push(room);
      }
      onChange({ room }: ChangeEvent): void {
        this.names.push(room);
      }
    }
    const rooms = new Rooms();
    const { hooks } = calls(rooms);
    hooks.loaded("a");
    hooks.changed("b", Uint8Array.of(1), null);
    await hooks.close(10_000);
    expect(rooms.names).toEqual(["a", "b"]);
  });

  it("finish before close resolves, or are dropped when its time is up", async () => {
    const rooms: string[] = [];
    const { hooks } = calls({ onLoad: ({ room }) => rooms.push(room) });
    for (const room of ["a", "b"]) hooks.loaded(room);
    await hooks.close(10_000);
    expect(rooms).toEqual(["a", "b"]);
    const stuck = calls({ onLoad: () => new Promise(() => {}) }, { atOnce: 1 });
    for (const room of ["a", "b"]) stuck.hooks.loaded(room);
    await stuck.hooks.close(20);
    expect(stuck.logs.map(({ msg, calls: left }) => [msg, left])).toEqual([
      ["hook calls dropped on close", 1],
    ]);
  });
});
