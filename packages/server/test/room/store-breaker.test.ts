import { beforeEach, describe, expect, it, vi } from "vitest";
import { StoreBreaker } from "../../src/room/persistence/store-breaker.ts";

describe("a store that refuses snapshots", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    return () => vi.useRealTimers();
  });

  /** Lets rooms try whenever allowed, for some seconds. @returns the attempts of all rooms */
  function tries(breaker: StoreBreaker, rooms: number, seconds: number, works: boolean): number {
    let count = 0;
    const next = new Map<string, number>();
    for (let room = 0; room < rooms; room++) next.set(`room ${room}`, 0);
    for (let ms = 0; ms < seconds * 1_000; ms += 50) {
      for (const [room, at] of next) {
        if (at > ms) continue;
        const wait = breaker.waitMs(room);
        if (wait > 0) {
          next.set(room, ms + wait);
          continue;
        }
        count++;
        breaker.begin(room);
        if (works) {
          breaker.worked(room);
          next.set(room, Number.POSITIVE_INFINITY);
        } else breaker.failed(room);
      }
      vi.advanceTimersByTime(50);
    }
    return count;
  }

  it("is tried by one room at a time with growing pauses, and by all rooms once it works", () => {
    const breaker = new StoreBreaker();
    expect(tries(breaker, 250, 30, false)).toBeLessThan(12);
    // The longest pause is a minute.
    expect(tries(breaker, 250, 120, false)).toBeLessThan(6);
    expect(tries(breaker, 250, 180, true)).toBe(250);
    expect(breaker.failing).toBe(0);
  });

  it("does not block other rooms if only one room is refused", () => {
    const breaker = new StoreBreaker();
    for (let i = 0; i < 5; i++) breaker.failed("too long a name");
    expect(breaker.waitMs("too long a name")).toBeGreaterThan(10_000);
    expect(breaker.waitMs("other")).toBe(0);
    breaker.begin("other");
    breaker.worked("other");
    // The success of another room does not hide the failure.
    expect(breaker.failing).toBe(1);
  });
});
