import { describe, expect, it } from "vitest";
import { LoopStats } from "../../src/websocket/connection-stats.ts";
import { LoopBudgets } from "../../src/websocket/loop-budget.ts";

/** Budgets with an event-loop load that the test sets. */
function budgets(load = 0) {
  const loop = { load, get: () => loop.load };
  const stats = new LoopStats();
  const limits = { perConnection: 200, perAddress: 500 };
  return { loop, stats, budgets: new LoopBudgets(limits, loop, stats) };
}

const ignore = () => {};

/** Whether a connection may continue within one turn of the event loop. */
async function isServed(due: Promise<void> | null): Promise<boolean> {
  if (due === null) return true;
  const turn = new Promise((resolve) => setImmediate(() => setImmediate(resolve, false)));
  return (await Promise.race([due.then(() => true), turn])) as boolean;
}

describe("the budget of the event loop", () => {
  it("allows a connection a burst of four seconds' worth, then its rate", async () => {
    const { budgets: all, stats } = budgets();
    const budget = all.open("192.0.2.1", 0, ignore);
    budget.charge(800, 0);
    expect(await isServed(budget.due(0))).toBe(true);
    budget.charge(100, 0);
    expect(await isServed(budget.due(0))).toBe(false);
    expect(await isServed(budget.due(400))).toBe(false);
    expect(await isServed(budget.due(500))).toBe(true);
    expect(stats).toEqual({ milliseconds: 900, pauses: 2 });
    budget.end();
  });

  it("yields to other connections between messages that arrived together", () => {
    const budget = budgets().budgets.open("192.0.2.1", 0, ignore);
    for (let i = 0; i < 10; i++) {
      budget.charge(1, i);
      const due = budget.due(i);
      if (i % 2 === 0) expect(due).toBeNull();
      else expect(due).toBeInstanceOf(Promise);
    }
    budget.end();
  });

  it("never delays a connection by more than ten seconds", () => {
    const budget = budgets().budgets.open("192.0.2.1", 0, ignore);
    budget.charge(100_000, 0);
    expect(budget.due(9_000)).toBeInstanceOf(Promise);
    expect(budget.due(10_000)).toBeInstanceOf(Promise);
    expect(budget.due(10_001)).toBeNull();
    budget.end();
  });

  it("limits each address on a loaded event loop by delaying its heaviest connections", async () => {
    const { budgets: all, loop } = budgets(1);
    const [light, ...heavy] = Array.from({ length: 100 }, () => all.open("192.0.2.1", 0, ignore));
    const other = all.open("192.0.2.2", 0, ignore);
    light?.charge(1, 0);
    for (const budget of heavy) budget.charge(30, 0);
    expect(await isServed(heavy[0]?.due(0) ?? null)).toBe(false);
    expect(await isServed(light?.due(0) ?? null)).toBe(true);
    expect(await isServed(other.due(0))).toBe(true);
    loop.load = 0.3;
    expect(await isServed(heavy[0]?.due(0) ?? null)).toBe(true);
    // A /64 network counts as one address.
    const v6 = ["2001:db8::1", "2001:db8::2"].map((address) => all.open(address, 0, ignore));
    loop.load = 1;
    for (const budget of v6) budget.charge(400, 0);
    for (const budget of v6) expect(await isServed(budget.due(0))).toBe(false);
    for (const budget of [light, other, ...heavy, ...v6]) budget?.end();
  });

  it("pauses all connections of an address that has used much of one turn", async () => {
    const { budgets: all } = budgets();
    const held: Promise<void>[] = [];
    const opened = Array.from({ length: 10 }, () =>
      all.open("192.0.2.1", 0, (until) => held.push(until)),
    );
    for (const budget of opened.slice(0, 4)) budget.charge(3, 0);
    expect(held).toHaveLength(0);
    opened[5]?.charge(4, 0);
    opened[6]?.charge(4, 0);
    expect(held).toHaveLength(10);
    await Promise.all(held);
    opened[7]?.charge(4, 0);
    expect(held).toHaveLength(10);
    for (const budget of opened) budget.end();
  });

  it("remembers the debt of an address across reconnects", async () => {
    const { budgets: all } = budgets(1);
    const first = all.open("192.0.2.1", 0, ignore);
    first.charge(900, 0);
    first.end();
    const again = all.open("192.0.2.1", 0, ignore);
    again.charge(30, 0);
    expect(await isServed(again.due(0))).toBe(false);
    again.end();
  });
});
