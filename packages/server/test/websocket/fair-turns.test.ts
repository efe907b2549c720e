import { expect, it } from "vitest";
import { FairTurns } from "../../src/websocket/fair-turns.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

it("a few tasks are not delayed", () => {
  const turns = new FairTurns(4);
  const done: number[] = [];
  for (let i = 0; i < 4; i++) turns.run("10.0.0.1", () => done.push(i));
  expect(done).toEqual([0, 1, 2, 3]);
});

it("a burst is spread over turns of the event loop and does not hold up other addresses", async () => {
  const turns = new FairTurns(4);
  const done: string[] = [];
  for (let i = 0; i < 100; i++) turns.run("10.0.0.1", () => done.push("burst"));
  turns.run("10.0.0.2", () => done.push("other"));
  expect(done).toHaveLength(4);
  let before = done.length;
  for (let i = 0; i < 30 && done.length < 101; i++) {
    await turn();
    expect(done.length - before).toBeLessThanOrEqual(4);
    before = done.length;
  }
  expect(done).toHaveLength(101);
  expect(done.indexOf("other")).toBeLessThan(8);
});

it("a task does not overtake waiting ones from the same address", async () => {
  const turns = new FairTurns(4);
  const done: number[] = [];
  for (let i = 0; i < 6; i++) turns.run("10.0.0.1", () => done.push(i));
  await turn();
  for (let i = 6; i < 12; i++) turns.run("10.0.0.1", () => done.push(i));
  while (done.length < 12) await turn();
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});
