import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { EventLoopLoad } from "../../src/room/event-loop-load.ts";
import { FanoutScheduler, type Flushable } from "../../src/room/fanout-scheduler.ts";
import { RoomStats } from "../../src/room/room-stats.ts";
import { waitFor } from "../support/wait-for.ts";

/** Whether to keep the event loop busy. Ends with the test. */
let isBusy = false;

afterEach(() => {
  isBusy = false;
});

function keepBusy(): void {
  isBusy = true;
  const work = () => {
    const until = performance.now() + 5;
    while (performance.now() < until);
    if (isBusy) setImmediate(work);
  };
  work();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

class Flushed implements Flushable {
  readonly fanOut: number;
  flushedAt = Number.NEGATIVE_INFINITY;
  awarenessFlushedAt = Number.NEGATIVE_INFINITY;
  /** Flushes with or without awareness. */
  flushes = 0;
  awarenessFlushes = 0;

  constructor(fanOut: number) {
    this.fanOut = fanOut;
  }

  flush(): void {
    this.flushes++;
    this.awarenessFlushes++;
  }

  flushUpdates(): void {
    this.flushes++;
  }
}

describe("the event loop load", () => {
  it("rises while the loop is busy and falls while it is idle", async () => {
    const load = new EventLoopLoad();
    keepBusy();
    await waitFor(() => load.get() > 0.9, { message: "the load exceeds 0.9" });
    isBusy = false;
    await waitFor(() => load.get() < 0.3, { message: "the load is below 0.3" });
  });

  it("is up to date even if it has not been read for a while", async () => {
    const load = new EventLoopLoad();
    keepBusy();
    const before = performance.now();
    await waitFor(() => performance.now() - before > 2_000, { message: "two seconds have passed" });
    expect(load.get()).toBeGreaterThan(0.9);
  });
});

/** Returns rooms of these sizes after half a second of constant updates to all of them. */
async function flushed(
  scheduler: FanoutScheduler,
  fanOuts: readonly number[],
  { awareness = false } = {},
): Promise<Flushed[]> {
  const rooms = fanOuts.map((fanOut) => new Flushed(fanOut));
  const until = performance.now() + 500;
  while (performance.now() < until) {
    for (const room of rooms) {
      scheduler.schedule(room);
      if (awareness) scheduler.scheduleAwareness(room);
    }
    await delay(1);
  }
  for (const room of rooms) scheduler.cancel(room);
  return rooms;
}

async function flushesOf(
  scheduler: FanoutScheduler,
  fanOuts: readonly number[],
): Promise<number[]> {
  return (await flushed(scheduler, fanOuts)).map(({ flushes }) => flushes);
}

describe("the fan-out scheduler", () => {
  it("flushes once, at the end of the turn, after a quiet period", async () => {
    const room = new Flushed(4);
    const scheduler = new FanoutScheduler(new RoomStats());
    scheduler.schedule(room);
    scheduler.schedule(room);
    expect(room.flushes).toBe(0);
    await turn();
    expect(room.flushes).toBe(1);
  });

  it("batches the updates of all rooms until the next tick", async () => {
    const rooms = [new Flushed(4), new Flushed(4), new Flushed(4)];
    const [first] = rooms;
    const scheduler = new FanoutScheduler(new RoomStats());
    if (first !== undefined) scheduler.schedule(first);
    await turn();
    for (const room of rooms) scheduler.schedule(room);
    await turn();
    expect(rooms.map(({ flushes }) => flushes)).toEqual([1, 0, 0]);
    await waitFor(() => first?.flushes === 2, { message: "all rooms have been flushed" });
    expect(rooms.map(({ flushes }) => flushes)).toEqual([2, 1, 1]);
  });

  it("batches longer in a large room", async () => {
    const scheduler = new FanoutScheduler(new RoomStats());
    const isRarer = async () => {
      const [small = 0, large = 0] = await flushesOf(scheduler, [4, 125]);
      return large > 1 && small > large;
    };
    await waitFor(isRarer, { message: "the large room is flushed less often" });
  });

  it("batches longer while the server is busy", async () => {
    const scheduler = new FanoutScheduler(new RoomStats());
    const [idle = 0] = await flushesOf(scheduler, [4]);
    const isSlow = async () => ((await flushesOf(scheduler, [4]))[0] ?? 0) < idle / 2;
    keepBusy();
    await waitFor(isSlow, { message: "the room is flushed less than half as often" });
    isBusy = false;
    await waitFor(async () => !(await isSlow()), {
      message: "the flush rate recovers after the load",
    });
  });

  it.each([4, 125])("batches awareness longer than updates in a room of %i", async (fanOut) => {
    const scheduler = new FanoutScheduler(new RoomStats());
    const isRarer = async () => {
      const [room] = await flushed(scheduler, [fanOut], { awareness: true });
      return (
        room !== undefined && room.awarenessFlushes > 1 && room.flushes > room.awarenessFlushes
      );
    };
    await waitFor(isRarer, { message: "awareness is flushed less often than updates" });
  });

  it("flushes awareness with updates at the end of the turn after a quiet period", async () => {
    const room = new Flushed(4);
    const scheduler = new FanoutScheduler(new RoomStats());
    scheduler.schedule(room);
    scheduler.scheduleAwareness(room);
    await turn();
    expect([room.flushes, room.awarenessFlushes]).toEqual([1, 1]);
    scheduler.scheduleAwareness(room);
    await waitFor(() => room.awarenessFlushes === 2, {
      message: "awareness has been flushed without updates",
    });
    expect(room.flushes).toBe(2);
  });

  it("does not flush a cancelled room", async () => {
    const rooms = [new Flushed(4), new Flushed(10)];
    const last = new Flushed(10);
    const scheduler = new FanoutScheduler(new RoomStats());
    for (const room of rooms) {
      scheduler.schedule(room);
      scheduler.scheduleAwareness(room);
      scheduler.cancel(room);
    }
    scheduler.schedule(last);
    await waitFor(() => last.flushes === 1, { message: "the last room has been flushed" });
    expect(rooms.map(({ flushes }) => flushes)).toEqual([0, 0]);
  });
});
