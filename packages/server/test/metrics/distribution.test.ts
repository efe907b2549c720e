import fc from "fast-check";
import { expect, it } from "vitest";
import { Distribution } from "../../src/runtime/metrics/distribution.ts";
import { Exposition } from "../../src/runtime/metrics/exposition.ts";
import { parseExposition } from "./parse-exposition.ts";

it("counts every value in the buckets that include it, as often as it was observed", () => {
  const bounds = [1, 2.5, 10];
  const observed = fc.tuple(fc.double({ min: 0, max: 20, noNaN: true }), fc.nat({ max: 5 }));
  fc.assert(
    fc.property(fc.array(observed), (values) => {
      const distribution = new Distribution(bounds);
      for (const [value, times] of values) distribution.observe(value, times);
      const exposition = new Exposition();
      exposition.histogram("a_seconds", "Durations.", distribution);
      const { valueAt } = parseExposition(exposition.text);
      const countUpTo = (limit: number) =>
        values.reduce((sum, [value, times]) => (value <= limit ? sum + times : sum), 0);
      for (const bound of bounds) {
        expect(valueAt(`a_seconds_bucket{le="${bound}"}`)).toBe(countUpTo(bound));
      }
      expect(valueAt("a_seconds_count")).toBe(countUpTo(Number.POSITIVE_INFINITY));
      const sum = values.reduce((all, [value, times]) => all + value * times, 0);
      expect(valueAt("a_seconds_sum")).toBeCloseTo(sum);
    }),
  );
});

it("writes nothing for a label without values, but does write a value of 0", () => {
  const exposition = new Exposition();
  exposition.counters("a_total", "Some.", "code", new Map([[4413, 0]]));
  exposition.counters("b_total", "None.", "code", new Map());
  const { samples, types } = parseExposition(exposition.text);
  expect([...samples]).toEqual([['a_total{code="4413"}', 0]]);
  expect([...types.keys()]).toEqual(["a_total", "b_total"]);
});
