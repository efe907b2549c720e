import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PublishScheduler } from "../../src/room/fanout/publish-scheduler.ts";

/** Longer than the time between two rounds. */
const ROUND_MS = 20;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

class Published {
  count = 0;

  flush(): void {
    this.count++;
  }
}

it("publishes at the end of the turn after a pause, once for all calls until then", () => {
  const scheduler = new PublishScheduler();
  const room = new Published();
  scheduler.schedule(room);
  scheduler.schedule(room);
  expect(room.count).toBe(0);
  vi.advanceTimersByTime(0);
  expect(room.count).toBe(1);
});

it("gathers what all rooms have until the next round", () => {
  const scheduler = new PublishScheduler();
  const [first, second] = [new Published(), new Published()];
  scheduler.schedule(first);
  vi.advanceTimersByTime(0);
  for (let i = 0; i < 3; i++) {
    scheduler.schedule(first);
    scheduler.schedule(second);
    vi.advanceTimersByTime(1);
  }
  expect([first.count, second.count]).toEqual([1, 0]);
  vi.advanceTimersByTime(ROUND_MS);
  expect([first.count, second.count]).toEqual([2, 1]);
});

it("lets awareness wait for an update, but not for long", () => {
  const scheduler = new PublishScheduler();
  const [first, second] = [new Published(), new Published()];
  scheduler.scheduleAwareness(first);
  vi.advanceTimersByTime(4);
  expect(first.count).toBe(0);
  scheduler.schedule(first);
  vi.advanceTimersByTime(0);
  expect(first.count).toBe(1);
  vi.advanceTimersByTime(10 * ROUND_MS);
  scheduler.scheduleAwareness(second);
  vi.advanceTimersByTime(ROUND_MS);
  expect([first.count, second.count]).toEqual([1, 1]);
});

it("publishes what is scheduled while it publishes in the next round", () => {
  const scheduler = new PublishScheduler();
  let count = 0;
  const room = {
    flush: () => {
      if (++count === 1) scheduler.schedule(room);
    },
  };
  scheduler.schedule(room);
  vi.advanceTimersByTime(0);
  expect(count).toBe(1);
  vi.advanceTimersByTime(ROUND_MS);
  expect(count).toBe(2);
});
