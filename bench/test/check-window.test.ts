import { beforeEach, expect, test } from "vitest";
import type { CpuUse } from "../src/process/cpu-meter.ts";
import { checkWindow } from "../src/workload/check-window.ts";
import { Disturbed } from "../src/workload/disturbed.ts";
import { GeneratorFull } from "../src/workload/generator-full.ts";
import { Overloaded } from "../src/workload/overloaded.ts";
import { Window } from "../src/workload/window.ts";

let window: Window;

beforeEach(() => {
  window = new Window(0);
  window.expectedUpdates = 100;
  window.expectedPresence = 1000;
  window.receipts = 1100;
  for (let count = 0; count < 100; count++) window.updateLatency.add(1);
});

function cpu(others: number, generator = 0.5): Pick<CpuUse, "others" | "generator"> {
  return { others, generator };
}

function receivePresence(count: number): void {
  for (let index = 0; index < count; index++) window.presenceLatency.add(1);
}

test("a complete window passes with up to five per cent of presence replaced", () => {
  receivePresence(950);
  window.replacedPresence = 50;
  window.receipts = 1050;
  checkWindow(window, cpu(0.5));
});

test("replaced presence does not count as delivered", () => {
  window.replacedPresence = 50;
  expect(window.deliveries).toBe(1050);
});

test("missing deliveries are refused even on a busy machine", () => {
  receivePresence(999);
  expect(() => checkWindow(window, cpu(0.5))).toThrow(
    "999 presence changes were delivered, not 1000",
  );
  window.expectedUpdates = 101;
  expect(() => checkWindow(window, cpu(0.5))).toThrow("100 updates were delivered instead of 101");
});

test("replaced presence is blamed on the server on a free core, and on others on a busy one", () => {
  receivePresence(900);
  window.replacedPresence = 100;
  expect(() => checkWindow(window, cpu(0.05))).toThrow("10.0 % of the presence was replaced");
  expect(() => checkWindow(window, cpu(0.05))).not.toThrow(Disturbed);
  expect(() => checkWindow(window, cpu(0.5))).toThrow(Disturbed);
});

test("a server that falls behind gets no figures", () => {
  receivePresence(1000);
  window.receipts = 1000;
  const slow = "only 90.9 % of the work was done in time";
  expect(() => checkWindow(window, { generator: 0.5 })).toThrow(slow);
  expect(() => checkWindow(window, cpu(0))).toThrow(Overloaded);
});

test("a server is not called overloaded if the load generator was saturated", () => {
  receivePresence(1000);
  window.receipts = 1000;
  expect(() => checkWindow(window, cpu(0, 0.96))).toThrow(GeneratorFull);
});
