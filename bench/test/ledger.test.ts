import { beforeEach, describe, expect, test } from "vitest";
import { CHARACTERS_PER_UPDATE, clientIdOf } from "../src/workload/author.ts";
import { Ledger } from "../src/workload/ledger.ts";
import { Schedule } from "../src/workload/schedule.ts";
import type { Workload } from "../src/workload/workload.ts";

const workload: Workload = {
  rooms: 2,
  membersPerRoom: 2,
  updatesPerSecond: 1,
  presencePerSecond: 5,
  returnsPresence: true,
};

test("every member performs exactly the workload's actions in each second", () => {
  const large = { ...workload, rooms: 25, membersPerRoom: 4 };
  const schedule = new Schedule(large);
  expect(schedule.actionsPerSecond).toBe(600);
  for (const second of [0, 1, 17]) {
    const counts = new Map<string, number>();
    for (let index = 0; index < schedule.actionsPerSecond; index++) {
      const { member, kind } = schedule.action(second * schedule.actionsPerSecond + index);
      const key = `${kind} ${member}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (let member = 0; member < 100; member++) {
      expect(counts.get(`update ${member}`)).toBe(1);
      expect(counts.get(`presence ${member}`)).toBe(5);
    }
  }
});

describe("the ledger of two rooms of two", () => {
  const first = clientIdOf(0);
  let ledger: Ledger;

  beforeEach(() => {
    ledger = new Ledger(workload);
  });

  function receiveUpdate(receiver: number, number: number, now: number): void {
    const clock = number * CHARACTERS_PER_UPDATE;
    ledger.updateReceived(receiver, first, clock, CHARACTERS_PER_UPDATE, now);
  }

  test("reports what is missing until it arrives", () => {
    expect(ledger.firstMissing()).toBeUndefined();
    ledger.updateSent(0, 10);
    ledger.presenceSent(0, 11);
    expect(ledger.firstMissing()).toContain("has 0 of 1 updates and presence 0 of 1");
    receiveUpdate(1, 0, 12);
    expect(ledger.firstMissing()).toContain("has 1 of 1 updates and presence 0 of 1");
    ledger.presenceReceived(1, first, 1, 13);
    expect(ledger.firstMissing()).toBeUndefined();
  });

  test("counts every update once, with its own latency, even if merged or repeated", () => {
    const window = ledger.openWindow(0);
    for (const time of [10, 20, 30]) ledger.updateSent(0, time);
    ledger.updateReceived(1, first, 0, 2 * CHARACTERS_PER_UPDATE, 25);
    receiveUpdate(1, 1, 26);
    receiveUpdate(1, 2, 32);
    expect(window.expectedUpdates).toBe(3);
    expect(window.updateLatency.count).toBe(3);
    expect(window.updateLatency.quantile(0)).toBe(2);
    expect(window.updateLatency.largest).toBe(15);
  });

  test("reports a missing update even if a later one has overtaken it", () => {
    const window = ledger.openWindow(0);
    for (const time of [10, 20, 30]) ledger.updateSent(0, time);
    receiveUpdate(1, 2, 40);
    receiveUpdate(1, 0, 41);
    expect(window.updateLatency.count).toBe(1);
    expect(ledger.firstMissing()).toContain("has 1 of 3 updates");
    receiveUpdate(1, 1, 42);
    expect(window.updateLatency.count).toBe(3);
    expect(ledger.firstMissing()).toBeUndefined();
  });

  test("credits a member with what it typed and what it received without a gap", () => {
    for (const time of [10, 20, 30]) ledger.updateSent(0, time);
    ledger.updateSent(1, 40);
    expect(ledger.documentOf(0)).toEqual([{ member: 0, from: 0, to: 3 }]);
    receiveUpdate(1, 0, 50);
    receiveUpdate(1, 2, 51);
    expect(ledger.documentOf(1)).toEqual([
      { member: 0, from: 0, to: 1 },
      { member: 1, from: 0, to: 1 },
    ]);
    expect(ledger.documentOf(2)).toEqual([]);
  });

  test("distinguishes echoes of a member's own updates from deliveries", () => {
    const window = ledger.openWindow(0);
    ledger.updateSent(0, 10);
    receiveUpdate(0, 0, 15);
    expect(window.updateLatency.count).toBe(0);
    expect(window.returnLatency.largest).toBe(5);
    expect(ledger.firstMissing()).toContain("has 0 of 1 updates");
  });

  test("counts presence replaced by a newer state", () => {
    const window = ledger.openWindow(0);
    for (const time of [10, 20, 30]) ledger.presenceSent(0, time);
    expect(ledger.presenceReceived(1, first, 3, 35)).toBe(true);
    expect(ledger.presenceReceived(1, first, 2, 36)).toBe(false);
    expect(ledger.presenceReceived(0, first, 3, 37)).toBe(false);
    expect(window.replacedPresence).toBe(2);
    expect(window.presenceLatency.count).toBe(1);
    expect(ledger.firstMissing()).toBeUndefined();
  });

  test("counts only what was sent within the window", () => {
    ledger.updateSent(0, 5);
    const window = ledger.openWindow(10);
    ledger.updateSent(0, 10);
    window.to = 20;
    ledger.updateSent(0, 20);
    ledger.updateReceived(1, first, 0, 3 * CHARACTERS_PER_UPDATE, 30);
    expect(window.expectedUpdates).toBe(1);
    expect(window.updateLatency.count).toBe(1);
  });

  test("refuses data that was never sent or belongs to another room", () => {
    expect(() => receiveUpdate(1, 0, 1)).toThrow("never sent");
    expect(() => ledger.presenceReceived(1, first, 1, 1)).toThrow("never sent");
    ledger.updateSent(0, 1);
    expect(() => receiveUpdate(2, 0, 2)).toThrow("not in its room");
  });
});
