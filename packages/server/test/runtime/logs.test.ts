import { pino } from "pino";
import { expect, it, onTestFinished, vi } from "vitest";
import { OutageLog } from "../../src/runtime/outage-log.ts";
import { withoutRepeats } from "../../src/runtime/without-repeats.ts";

function recorded() {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { lines, logger };
}

it("logs the beginning and the end of an outage, however many failures it has", () => {
  const { lines, logger } = recorded();
  const outage = new OutageLog({ logger, failing: "failing", working: "working again" });
  outage.worked();
  for (let i = 0; i < 1_000; i++) outage.failed(new Error("no"), { room: `${i}` });
  expect(outage.problem).toBe("no");
  outage.worked();
  outage.worked();
  expect(outage.problem).toBeUndefined();
  expect(lines).toMatchObject([
    { level: 50, msg: "failing", room: "0", err: { message: "no" } },
    { level: 30, msg: "working again", failures: 1_000 },
  ]);
});

it("logs the same warning of many rooms once, and counts the repetitions", () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { lines, logger } = recorded();
  const quiet = withoutRepeats(logger);
  for (let i = 0; i < 1_000; i++) quiet.warn({ room: `${i}` }, "cannot read the stores");
  quiet.warn("something else");
  expect(lines).toMatchObject([
    { level: 40, msg: "cannot read the stores", room: "0" },
    { level: 40, msg: "something else" },
  ]);
  vi.advanceTimersByTime(60_000);
  expect(lines.slice(2)).toMatchObject([{ msg: "cannot read the stores", repeated: 999 }]);
  quiet.warn("something else");
  expect(lines).toHaveLength(4);
});
