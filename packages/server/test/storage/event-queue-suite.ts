import { describe, expect, it } from "vitest";
import { type TestStorage, useStore } from "../../src/conformance/test-storage.ts";
import { StorageError } from "../../src/storage/errors.ts";
import type { EventQueue, QueuedEvent } from "../../src/storage/event-queue.ts";

/** An open event queue that a test closes. */
export interface OpenEventQueue {
  readonly events: EventQueue;
  close(): Promise<void>;
}

/** A realistic sequence number: a current time in microseconds. */
const FIRST = Date.UTC(2026, 10, 24, 12) * 1_000;

function some(count: number, from = 0): QueuedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    return { sequence: FIRST + from + index, event: JSON.stringify({ é: from + index }) };
  });
}

/** The contract that every implementation of the event queue must meet. */
export function eventQueueSuite(
  name: string,
  create: () => Promise<TestStorage<OpenEventQueue>>,
): void {
  describe(`event queue: ${name}`, () => {
    const store = useStore(create);

    it("is initially empty, and accepts an empty list of events", async () => {
      await store.current.events.append("a:1", []);
      expect(await store.current.events.first("a:1", 10)).toEqual([]);
      expect(await store.current.events.trim("a:1", 0)).toBe(0);
      await store.current.events.remove("a:1", FIRST);
    });

    it("keeps each server's events in order across a restart", async () => {
      await store.current.events.append("a:1", some(3));
      await store.current.events.append("b:1", some(2, 50));
      await store.current.events.append("a:1", some(2, 3));
      const { events } = await store.reopen();
      expect(await events.first("a:1", 4)).toEqual(some(4));
      expect(await events.first("a:1", 10)).toEqual(some(5));
      expect(await events.first("b:1", 10)).toEqual(some(2, 50));
    });

    it("adds no event twice", async () => {
      await store.current.events.append("a:1", some(3));
      await store.current.events.append("a:1", some(5));
      expect(await store.current.events.first("a:1", 10)).toEqual(some(5));
    });

    it("removes one server's events up to a sequence number", async () => {
      await store.current.events.append("a:1", some(5));
      await store.current.events.append("b:1", some(5));
      await store.current.events.remove("a:1", FIRST + 2);
      expect(await store.current.events.first("a:1", 10)).toEqual(some(2, 3));
      expect(await store.current.events.first("b:1", 10)).toEqual(some(5));
    });

    it("drops a server's oldest events above the limit", async () => {
      await store.current.events.append("a:1", some(2_500));
      await store.current.events.append("b:1", some(5));
      expect(await store.current.events.trim("a:1", 2_500)).toBe(0);
      expect(await store.current.events.trim("a:1", 10)).toBe(2_490);
      expect(await store.current.events.first("a:1", 100)).toEqual(some(10, 2_490));
      expect(await store.current.events.trim("a:1", 0)).toBe(10);
      expect(await store.current.events.first("b:1", 10)).toEqual(some(5));
    });

    it("rejects calls after it is closed", async () => {
      const { events } = store.current;
      await events.first("a:1", 1);
      await store.reopen();
      await expect(events.append("a:1", some(1))).rejects.toThrow(StorageError);
    });
  });
}
