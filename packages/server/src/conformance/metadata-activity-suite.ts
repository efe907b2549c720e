import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActivityPoint, Metadata, ServerActivity } from "../storage/metadata.ts";
import { modelActivity } from "./metadata-model.ts";
import { type TestStorage, useStore } from "./test-storage.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Activity recorded later than this after aggregation may be ignored. */
const MOST_LATE_MINUTES = 120;
const NOON = Date.UTC(2026, 10, 24, 12);

/** The contract for activity over time. */
export function metadataActivitySuite(
  name: string,
  create: () => Promise<TestStorage<Metadata>>,
): void {
  describe(`activity: ${name}`, () => {
    const store = useStore(create);

    it("is 0 in every bucket if nothing was recorded", async () => {
      const points = await read(NOON, NOON + 3 * HOUR, HOUR);
      expect(points).toEqual([0, 1, 2].map((hour) => noActivity(NOON + hour * HOUR)));
      expect(await read(NOON, NOON, HOUR)).toEqual([]);
      expect(await read(NOON + HOUR, NOON, HOUR)).toEqual([]);
    });

    it("sums all servers within a minute, and reports the peak minute of a bucket", async () => {
      await record("a", 0, 10, 2, 1);
      await record("b", 0, 5, 1, 2);
      await record("a", 1, 8, 3, 4);
      await record("b", 1, 1, 1, 8);
      await record("a", 5, 7, 7, 16);
      expect(await read(NOON, NOON + 7 * MINUTE, MINUTE)).toEqual([
        { at: NOON, connections: 15, rooms: 3, connects: 3 },
        { at: NOON + MINUTE, connections: 9, rooms: 4, connects: 12 },
        noActivity(NOON + 2 * MINUTE),
        noActivity(NOON + 3 * MINUTE),
        noActivity(NOON + 4 * MINUTE),
        { at: NOON + 5 * MINUTE, connections: 7, rooms: 7, connects: 16 },
        noActivity(NOON + 6 * MINUTE),
      ]);
      expect(await read(NOON, NOON + 1, 5 * MINUTE)).toEqual([
        { at: NOON, connections: 15, rooms: 4, connects: 15 },
      ]);
      expect(await read(NOON, NOON + 1, DAY)).toEqual([
        { at: NOON - (NOON % DAY), connections: 15, rooms: 7, connects: 31 },
      ]);
    });

    it("aligns buckets to multiples of their length, even if the range starts and ends within one", async () => {
      await record("a", 1, 1, 1, 1);
      await record("a", 9, 2, 2, 2);
      const points = await read(NOON + 4 * MINUTE, NOON + 6 * MINUTE, 5 * MINUTE);
      expect(points).toEqual([
        { at: NOON, connections: 1, rooms: 1, connects: 1 },
        { at: NOON + 5 * MINUTE, connections: 2, rooms: 2, connects: 2 },
      ]);
    });

    it("keeps the largest figures recorded for a minute, in any order", async () => {
      await record("a", 0, 5, 1, 9);
      await record("a", 0, 4, 3, 10);
      await record("a", 0, 1, 1, 2);
      const [point] = await (await store.reopen()).activity({
        from: NOON,
        to: NOON + 1,
        bucket: MINUTE,
      });
      expect(point).toEqual({ at: NOON, connections: 5, rooms: 3, connects: 10 });
    });

    it("returns the same before and after aggregation, once or repeatedly", async () => {
      for (const hour of [0, 1, 5, 30]) {
        await record("a", 60 * hour + 59, 10 + hour, 1, 1);
        await record("b", 60 * hour + 59, 2, 2, 2);
        await record("b", 60 * hour + 1, 3, 3, 3);
      }
      const readAll = async () => {
        const ranges = [MINUTE, 7 * MINUTE, HOUR, 3 * HOUR, DAY];
        return Promise.all(ranges.map((bucket) => read(NOON, NOON + 2 * DAY, bucket)));
      };
      const expected = await readAll();
      for (const hours of [1, 1.9, 2, 29, 31, 31, 40, 3]) {
        await store.current.rollUpActivity(NOON + hours * HOUR);
        expect(await readAll()).toEqual(expected);
      }
    });

    it("includes activity recorded up to two hours late", async () => {
      await record("a", 30, 1, 1, 1);
      await record("a", 90, 1, 1, 1);
      await store.current.rollUpActivity(NOON + 2 * HOUR);
      await record("b", 30, 10, 10, 10);
      await record("b", 31, 5, 5, 5);
      await record("b", 200, 2, 2, 2);
      await store.current.rollUpActivity(NOON + 4 * HOUR);
      expect(await read(NOON, NOON + 4 * HOUR, HOUR)).toEqual([
        { at: NOON, connections: 11, rooms: 11, connects: 16 },
        { at: NOON + HOUR, connections: 1, rooms: 1, connects: 1 },
        noActivity(NOON + 2 * HOUR),
        { at: NOON + 3 * HOUR, connections: 2, rooms: 2, connects: 2 },
      ]);
      expect(await read(NOON + 30 * MINUTE, NOON + 32 * MINUTE, MINUTE)).toEqual([
        { at: NOON + 30 * MINUTE, connections: 11, rooms: 11, connects: 11 },
        { at: NOON + 31 * MINUTE, connections: 5, rooms: 5, connects: 5 },
      ]);
    });

    it("keeps an aggregated hour after its per-server figures are deleted", async () => {
      await record("a", 30, 9, 8, 7);
      await store.current.rollUpActivity(NOON + HOUR);
      await store.current.rollUpActivity(NOON + 10 * DAY);
      await record("a", 30, 1, 1, 1);
      await store.current.rollUpActivity(NOON + 10 * DAY);
      const expected = { at: NOON, connections: 9, rooms: 8, connects: 7 };
      expect(await read(NOON, NOON + 1, HOUR)).toEqual([expected]);
      expect(await read(NOON, NOON + 1, 2 * MINUTE)).toEqual([noActivity(NOON)]);
      expect(await read(NOON, NOON + 1, 40 * MINUTE)).toEqual([expected]);
    });

    it("deletes activity older than a time, aggregated or not, and nothing else", async () => {
      await record("a", 0, 1, 1, 1);
      await record("a", 60, 2, 2, 2);
      await store.current.rollUpActivity(NOON + 2 * HOUR);
      await record("a", 120, 3, 3, 3);
      await record("a", 180, 4, 4, 4);
      const connections = async (bucket: number) =>
        (await read(NOON, NOON + 4 * HOUR, bucket))
          .map((point) => point.connections)
          .filter((count) => count > 0);
      await store.current.forgetActivity(NOON + HOUR);
      expect(await connections(HOUR)).toEqual([2, 3, 4]);
      await store.current.forgetActivity(NOON + 3 * HOUR);
      expect(await connections(HOUR)).toEqual([4]);
      expect(await connections(MINUTE)).toEqual([4]);
    });

    it("rejects buckets that are not whole minutes, and too many points", async () => {
      for (const bucket of [0, -MINUTE, 1, 90_000, Number.NaN, Number.POSITIVE_INFINITY]) {
        await expect(read(NOON, NOON + HOUR, bucket), `${bucket}`).rejects.toThrow(RangeError);
      }
      await expect(read(0, NOON, MINUTE)).rejects.toThrow("use a longer one");
    });

    it("matches a simple model, whenever it is aggregated", async () => {
      let day = 0;
      const activity = fc.record({
        server: fc.constantFrom("a", "b", "c"),
        // Around the ends of hours, where mistakes are likely.
        minute: fc.constantFrom(0, 1, 58, 59, 60, 61, 119, 120, 179),
        connections: fc.nat({ max: 9 }),
        rooms: fc.nat({ max: 9 }),
        connects: fc.nat({ max: 9 }),
      });
      const step = fc.oneof(
        { arbitrary: activity, weight: 4 },
        { arbitrary: fc.integer({ min: 0, max: 180 }), weight: 1 },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
          day += 1;
          const begin = NOON + day * DAY;
          const recorded: ServerActivity[] = [];
          let addedUpTo = 0;
          for (const step of steps) {
            if (typeof step === "number") {
              addedUpTo = Math.max(addedUpTo, step);
              await store.current.rollUpActivity(begin + step * MINUTE);
            } else if (step.minute >= addedUpTo - MOST_LATE_MINUTES) {
              const one = { ...step, minute: begin + step.minute * MINUTE };
              recorded.push(one);
              await store.current.recordActivity(one);
            }
          }
          await store.current.rollUpActivity(begin + 5 * HOUR);
          for (const bucket of [MINUTE, 30 * MINUTE, HOUR, 3 * HOUR]) {
            const range = { from: begin, to: begin + 3 * HOUR, bucket };
            expect(await store.current.activity(range)).toEqual(modelActivity(recorded, range));
          }
        }),
        { numRuns: 40 },
      );
    });

    function read(from: number, to: number, bucket: number): Promise<readonly ActivityPoint[]> {
      return store.current.activity({ from, to, bucket });
    }

    async function record(
      server: string,
      minute: number,
      connections: number,
      rooms: number,
      connects: number,
    ): Promise<void> {
      const figures = { connections, rooms, connects };
      const time = NOON + minute * MINUTE;
      await store.current.recordActivity({ server, minute: time, ...figures });
    }
  });
}

function noActivity(at: number): ActivityPoint {
  return { at, connections: 0, rooms: 0, connects: 0 };
}
