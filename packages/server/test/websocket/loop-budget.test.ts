import { describe, expect, it } from "vitest";
import { LoopStats } from "../../src/websocket/connection-stats.ts";
import { type LoopBudget, LoopBudgets } from "../../src/websocket/loop-budget.ts";

/** Budgets with an event-loop load that the test sets. */
function budgets(load = 0) {
  const loop = { load, get: () => loop.load };
  const stats = new LoopStats();
  const limits = { perConnection: 200, perAddress: 500 };
  return { loop, stats, budgets: new LoopBudgets(limits, loop, stats) };
}

const ignore = () => {};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Whether a connection may continue within two turns of the event loop. */
async function isServed(budget: LoopBudget | undefined, now: number): Promise<boolean> {
  let isWaiting = budget?.defer(now, () => {
    isWaiting = false;
  });
  await turn();
  await turn();
  return isWaiting === false;
}

describe("the budget of the event loop", () => {
  it("allows a connection a burst of four seconds' worth, then its rate", async () => {
    const { budgets: all, stats } = budgets();
    const budget = all.open("192.0.2.1", 0, ignore);
    budget.charge(800, 0);
    expect(await isServed(budget, 0)).toBe(true);
    budget.charge(100, 0);
    expect(await isServed(budget, 0)).toBe(false);
    expect(await isServed(budget, 400)).toBe(false);
    expect(await isServed(budget, 500)).toBe(true);
    expect(stats).toEqual({ milliseconds: 900, pauses: 2 });
    budget.end();
  });

  it("yields to other connections between messages that arrived together", () => {
    const budget = budgets().budgets.open("192.0.2.1", 0, ignore);
    for (let i = 0; i < 10; i++) {
      budget.charge(1, i);
      expect(budget.defer(i, ignore)).toBe(i % 2 === 1);
    }
    budget.end();
  });

  it("never delays a connection by more than ten seconds", async () => {
    const budget = budgets().budgets.open("192.0.2.1", 0, ignore);
    budget.charge(100_000, 0);
    await turn();
    expect(budget.defer(9_000, ignore)).toBe(true);
    expect(budget.defer(9_996, ignore)).toBe(true);
    expect(budget.defer(10_001, ignore)).toBe(false);
    budget.end();
  });

  it("limits each address on a loaded event loop by delaying its heaviest connections", async () => {
    const { budgets: all, loop } = budgets(1);
    const [light, ...heavy] = Array.from({ length: 100 }, () => all.open("192.0.2.1", 0, ignore));
    const other = all.open("192.0.2.2", 0, ignore);
    light?.charge(1, 0);
    for (const budget of heavy) budget.charge(30, 0);
    expect(await isServed(heavy[0], 0)).toBe(false);
    expect(await isServed(light, 0)).toBe(true);
    expect(await isServed(other, 0)).toBe(true);
    loop.load = 0.3;
    expect(await isServed(heavy[0], 0)).toBe(true);
    // A /64 network counts as one address.
    const v6 = ["2001:db8::1", "2001:db8::2"].map((address) => all.open(address, 0, ignore));
    loop.load = 1;
    for (const budget of v6) budget.charge(400, 0);
    for (const budget of v6) expect(await isServed(budget, 0)).toBe(false);
    for (const budget of [light, other, ...heavy, ...v6]) budget?.end();
  });

  it("stops reading all connections of an address that has used much of one turn", async () => {
    const { budgets: all } = budgets();
    let held = 0;
    const opened = Array.from({ length: 10 }, () => all.open("192.0.2.1", 0, () => held++));
    for (const budget of opened.slice(0, 3)) budget.charge(3, 0);
    expect(held).toBe(0);
    opened[5]?.charge(1, 0);
    opened[6]?.charge(4, 0);
    expect(held).toBe(10);
    await turn();
    opened[7]?.charge(4, 0);
    expect(held).toBe(10);
    for (const budget of opened) budget.end();
  });

  it("continues waiting connections a few per turn, the one that has used least first", async () => {
    const { budgets: all } = budgets();
    const names: number[] = [];
    const opened = Array.from({ length: 10 }, () => all.open("192.0.2.1", 0, ignore));
    for (const [i, budget] of opened.entries()) {
      budget.charge(20 - i, 0);
      budget.defer(0, () => {
        names.push(i);
        budget.charge(4, 0);
      });
    }
    await turn();
    expect(names).toEqual([9, 8, 7]);
    await turn();
    expect(names).toEqual([9, 8, 7, 6, 5, 4]);
    for (const budget of opened) budget.end();
    await turn();
    expect(names).toHaveLength(6);
  });

  it("reads connections however much others have waiting", async () => {
    const { budgets: all } = budgets();
    const busy = Array.from({ length: 20 }, () => all.open("192.0.2.1", 0, ignore));
    let held = 0;
    const reader = all.open("192.0.2.1", 0, () => held++);
    const work = (budget: LoopBudget) => {
      budget.charge(2, 0);
      budget.defer(0, () => work(budget));
    };
    for (const budget of busy) work(budget);
    held = 0;
    for (let i = 0; i < 10; i++) {
      await turn();
      expect(reader.defer(0, ignore)).toBe(false);
    }
    expect(held).toBe(0);
    for (const budget of [...busy, reader]) budget.end();
  });

  it("remembers the debt of an address across reconnects", async () => {
    const { budgets: all } = budgets(1);
    const first = all.open("192.0.2.1", 0, ignore);
    first.charge(900, 0);
    first.end();
    const again = all.open("192.0.2.1", 0, ignore);
    again.charge(30, 0);
    expect(await isServed(again, 0)).toBe(false);
    again.end();
  });
});
