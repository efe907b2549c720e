import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventLoopLoad } from "../../src/room/fanout/event-loop-load.ts";
import {
  FanoutScheduler,
  type Flushable,
  PendingFanout,
} from "../../src/room/fanout/fanout-scheduler.ts";
import { Pace } from "../../src/room/fanout/pace.ts";
import { RoomStats } from "../../src/room/room-stats.ts";
import { waitFor } from "../support/wait-for.ts";

describe("the event loop load", () => {
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

describe("the pace", () => {
  /** The longest increase of a pause for an increase of the load by a thousandth. */
  const LARGEST_STEP_MS = 1;

  it("gathers nothing in small rooms while the event loop has time to spare", () => {
    for (const load of [0, 0.2, 0.4, 0.6]) {
      const pace = new Pace({ get: () => load });
      expect([pace.ofLoad(0), pace.ofUpdates(8, 0), pace.ofAwareness(8)]).toEqual([0, 0, 0]);
    }
  });

  it("grows with the load without a step, for rooms and for the journal", () => {
    let load = 0;
    const pace = new Pace({ get: () => load });
    let [before, beforeCommits] = [pace.ofLoad(0), pace.ofCommits(0)];
    for (; load <= 1; load += 0.001) {
      const [now, commits] = [pace.ofLoad(0), pace.ofCommits(0)];
      expect(now).toBeGreaterThanOrEqual(before);
      expect(now - before).toBeLessThan(LARGEST_STEP_MS);
      expect(commits).toBeGreaterThanOrEqual(beforeCommits);
      expect(commits - beforeCommits).toBeLessThan(LARGEST_STEP_MS);
      [before, beforeCommits] = [now, commits];
    }
    expect(before).toBeGreaterThan(50);
  });

  it("grows with the size of a room, up to a bound", () => {
    const pace = new Pace({ get: () => 0 });
    expect(pace.ofUpdates(100, 0)).toBeGreaterThan(pace.ofUpdates(20, 0));
    expect(pace.ofAwareness(100)).toBeGreaterThan(pace.ofUpdates(100, 0));
    expect(pace.ofAwareness(1_000_000)).toBe(pace.ofAwareness(10_000));
    expect(pace.ofUpdates(1_000_000, 0)).toBe(pace.ofUpdates(10_000, 0));
  });
});

describe("the fan-out scheduler", () => {
  class Flushed implements Flushable {
    readonly fanOut: number;
    readonly pending: PendingFanout = new PendingFanout();
    /** When it was flushed with awareness, and without, in milliseconds since the test began. */
    readonly awareness: number[] = [];
    readonly updates: number[] = [];

    constructor(fanOut: number) {
      this.fanOut = fanOut;
    }

    flush(): void {
      this.awareness.push(Math.round(performance.now() - began));
    }

    flushUpdates(): void {
      this.updates.push(Math.round(performance.now() - began));
    }
  }

  let began = 0;
  let load = 0;
  let scheduler: FanoutScheduler;

  beforeEach(() => {
    vi.useFakeTimers();
    began = performance.now();
    load = 0;
    scheduler = new FanoutScheduler(new RoomStats(), new Pace({ get: () => load }));
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** Ends this turn of the event loop. */
  const endTurn = () => vi.advanceTimersByTime(0);

  it("flushes once at the end of the turn", () => {
    const room = new Flushed(4);
    scheduler.schedule(room);
    scheduler.schedule(room);
    expect(room.updates).toEqual([]);
    endTurn();
    expect([room.updates, room.awareness]).toEqual([[0], []]);
  });

  it("flushes awareness with updates", () => {
    const room = new Flushed(4);
    scheduler.schedule(room);
    scheduler.scheduleAwareness(room);
    endTurn();
    expect([room.updates, room.awareness]).toEqual([[], [0]]);
  });

  it("sends every change of a small room at the end of its turn while there is headroom", () => {
    const room = new Flushed(4);
    for (let i = 0; i < 50; i++) {
      scheduler.schedule(room);
      scheduler.scheduleAwareness(room);
      vi.advanceTimersByTime(1);
    }
    expect(room.awareness).toHaveLength(50);
  });

  it("gathers under load, but sends the first change after a pause at once", () => {
    load = 1;
    const room = new Flushed(4);
    for (let i = 0; i < 1_000; i++) {
      scheduler.schedule(room);
      vi.advanceTimersByTime(1);
    }
    expect(room.updates[0]).toBe(0);
    expect(room.updates.length).toBeGreaterThan(5);
    expect(room.updates.length).toBeLessThan(20);
    vi.advanceTimersByTime(1_000);
    const flushes = room.updates.length;
    scheduler.schedule(room);
    endTurn();
    expect(room.updates).toHaveLength(flushes + 1);
  });

  it("does not keep rooms waiting for one another", () => {
    load = 1;
    const rooms = Array.from({ length: 100 }, () => new Flushed(4));
    for (const room of rooms) {
      scheduler.schedule(room);
      vi.advanceTimersByTime(1);
    }
    expect(rooms.map(({ updates }) => updates)).toEqual(rooms.map((_, i) => [i]));
  });

  it("flushes each room when it is due, even if a later one was scheduled first", () => {
    const [large, small] = [new Flushed(160), new Flushed(20)];
    for (const room of [large, small]) scheduler.schedule(room);
    endTurn();
    for (const room of [large, small]) scheduler.schedule(room);
    vi.advanceTimersByTime(200);
    const pace = new Pace({ get: () => load });
    for (const room of [large, small]) {
      expect(room.updates).toEqual([0, Math.ceil(pace.ofUpdates(room.fanOut, 0))]);
    }
    expect(small.updates[1]).toBeLessThan(large.updates[1] ?? 0);
  });

  it("gathers awareness longer than updates in a large room", () => {
    const room = new Flushed(100);
    for (let i = 0; i < 500; i++) {
      scheduler.schedule(room);
      scheduler.scheduleAwareness(room);
      vi.advanceTimersByTime(1);
    }
    expect(room.awareness.length).toBeGreaterThan(3);
    expect(room.updates.length).toBeGreaterThan(2 * room.awareness.length);
  });

  it("flushes what is pending although the event loop was blocked for a second", () => {
    load = 1;
    const room = new Flushed(4);
    scheduler.schedule(room);
    endTurn();
    scheduler.schedule(room);
    vi.setSystemTime(Date.now() + 1_000);
    vi.advanceTimersByTime(1_000);
    expect(room.updates).toHaveLength(2);
    scheduler.schedule(room);
    vi.advanceTimersByTime(1_000);
    expect(room.updates).toHaveLength(3);
  });

  it("does not flush a cancelled room", () => {
    const [gone, waiting, other] = [new Flushed(4), new Flushed(100), new Flushed(4)];
    scheduler.schedule(waiting);
    endTurn();
    for (const room of [gone, waiting]) {
      scheduler.schedule(room);
      scheduler.scheduleAwareness(room);
      scheduler.cancel(room);
    }
    scheduler.schedule(other);
    vi.advanceTimersByTime(1_000);
    expect([gone.updates, gone.awareness]).toEqual([[], []]);
    expect([waiting.updates, waiting.awareness]).toEqual([[0], []]);
    expect(other.updates).toHaveLength(1);
  });
});
