import { expect, test } from "vitest";
import { type Found, findLargest, type Trial } from "../src/measurements/find-largest.ts";

/** Searches with a server whose load is `fullness(clients)`, and records the trials. */
async function search(
  first: number,
  fullness: (clients: number) => number,
): Promise<Found<Trial> & { tried: number[] }> {
  const tried: number[] = [];
  const found = await findLargest(first, async (clients) => {
    tried.push(clients);
    return { fullness: fullness(clients) };
  });
  return { ...found, tried };
}

test.each([40, 700, 1600, 4000, 100_000])("finds %i from any starting size", async (capacity) => {
  for (const first of [200, 1600, 5000]) {
    const { largest, tried } = await search(first, (clients) => clients / capacity);
    expect(largest?.size).toBeGreaterThanOrEqual(Math.min(capacity * 0.96, capacity - 20));
    expect(largest?.size).toBeLessThanOrEqual(capacity);
    expect(tried.length).toBeLessThanOrEqual(10);
  }
});

test("needs two trials if load grows linearly", async () => {
  const { tried } = await search(1600, (clients) => clients / 2500);
  expect(tried).toEqual([1600, 2500]);
});

test("finds the breaking point of a server that fails before it is full", async () => {
  const breaksDown = (clients: number): number =>
    clients > 2900 ? Number.POSITIVE_INFINITY : clients / 10_000;
  const { largest, tooMuch, tried } = await search(1000, breaksDown);
  expect(largest?.size).toBeGreaterThan(2900 * 0.96);
  expect(largest?.size).toBeLessThanOrEqual(2900);
  expect(tooMuch?.size).toBeGreaterThan(2900);
  expect(new Set(tried).size).toBe(tried.length);
});

test("finds the limit of a server that gets more efficient under load", async () => {
  const { largest } = await search(500, (clients) => Math.sqrt(clients / 3000));
  expect(largest?.size).toBeGreaterThan(3000 * 0.93);
  expect(largest?.size).toBeLessThanOrEqual(3000);
});

test("finds nothing if nothing fits", async () => {
  const { largest, tooMuch } = await search(1600, () => Number.POSITIVE_INFINITY);
  expect(largest).toBeUndefined();
  expect(tooMuch?.size).toBe(20);
});
