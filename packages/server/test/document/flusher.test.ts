import { afterEach, describe, expect, it } from "vitest";
import { EventLoopLoad } from "../../src/document/event-loop-load.ts";
import { type Flushable, Flusher } from "../../src/document/flusher.ts";
import { DocumentStats } from "../../src/metrics/stats.ts";
import { waitFor } from "../support/wait-for.ts";

/** What keeps the event loop busy until the test ends. */
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
  flushes = 0;

  constructor(fanOut: number) {
    this.fanOut = fanOut;
  }

  flush(): void {
    this.flushes++;
  }
}

describe("the load of the event loop", () => {
  it("rises when it is busy, and falls when it is not", async () => {
    const load = new EventLoopLoad();
    keepBusy();
    await waitFor(() => load.get() > 0.9, { message: "it is loaded" });
    isBusy = false;
    await waitFor(() => load.get() < 0.3, { message: "it is idle" });
  });

  it("is up to date after a time in which nobody asked", async () => {
    const load = new EventLoopLoad();
    keepBusy();
    const before = performance.now();
    await waitFor(() => performance.now() - before > 2_000, { message: "two seconds pass" });
    expect(load.get()).toBeGreaterThan(0.9);
  });
});

describe("a flusher", () => {
  it("flushes a small room at the end of the turn, once", async () => {
    const room = new Flushed(4);
    const flusher = new Flusher(new DocumentStats());
    flusher.schedule(room);
    flusher.schedule(room);
    expect(room.flushes).toBe(0);
    await turn();
    expect(room.flushes).toBe(1);
    flusher.schedule(room);
    await turn();
    expect(room.flushes).toBe(2);
  });

  it("gathers in a large room what comes soon after a flush", async () => {
    const room = new Flushed(100);
    const flusher = new Flusher(new DocumentStats());
    flusher.schedule(room);
    await turn();
    expect(room.flushes).toBe(1);
    flusher.schedule(room);
    await turn();
    expect(room.flushes).toBe(1);
    flusher.schedule(room);
    await waitFor(() => room.flushes > 1, { message: "it is flushed" });
    expect(room.flushes).toBe(2);
  });

  it("gathers in a small room when the server is busy", async () => {
    const flusher = new Flusher(new DocumentStats());
    keepBusy();
    const isGathered = async () => {
      const room = new Flushed(4);
      for (const flushes of [0, 1]) {
        flusher.schedule(room);
        await turn();
        if (room.flushes > flushes) continue;
        await waitFor(() => room.flushes > flushes, { message: "it is flushed" });
        return true;
      }
      return false;
    };
    await waitFor(isGathered, { message: "updates are gathered" });
    isBusy = false;
    await waitFor(async () => !(await isGathered()), { message: "that ends with the load" });
  });

  it("forgets a document", async () => {
    const rooms = [new Flushed(4), new Flushed(10)];
    const last = new Flushed(10);
    const flusher = new Flusher(new DocumentStats());
    for (const room of rooms) {
      flusher.schedule(room);
      flusher.cancel(room);
    }
    flusher.schedule(last);
    await waitFor(() => last.flushes === 1, { message: "a later one is flushed" });
    expect(rooms.map(({ flushes }) => flushes)).toEqual([0, 0]);
  });
});
