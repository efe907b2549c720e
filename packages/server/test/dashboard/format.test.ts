import { expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatPlural,
} from "../../../dashboard/src/format/numbers.ts";
import { formatAgo, formatDuration } from "../../../dashboard/src/format/times.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1 KB"],
  [1_234, "1.23 KB"],
  [999_499, "999 KB"],
  [999_500, "1 MB"],
  [20_000_000, "20 MB"],
  [3_210_000_000_000_000, "3,210 TB"],
])("formats %i bytes as %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0 ms"],
  [1.234, "1.23 ms"],
  [12.34, "12 ms"],
  [999.4, "999 ms"],
  [1_500, "1.5 s"],
])("formats %f milliseconds as %s", (ms, text) => {
  expect(formatMilliseconds(ms)).toBe(text);
});

test("formats counts with separators, and the noun in the right number", () => {
  expect(formatCount(1_234_567)).toBe("1,234,567");
  expect(formatPlural(1, "room")).toBe("1 room");
  expect(formatPlural(0, "room")).toBe("0 rooms");
  expect(formatPlural(2_000, "entry", "entries")).toBe("2,000 entries");
});

test.each([
  [5 * SECOND, "just now"],
  [30 * SECOND, "30 seconds ago"],
  [90 * SECOND, "1 minute ago"],
  [5 * HOUR, "5 hours ago"],
  [1.5 * DAY, "yesterday"],
  [12 * DAY, "12 days ago"],
  [400 * DAY, "21 Oct 2025"],
])("formats an age of %i ms as %s", (age, text) => {
  const now = Date.UTC(2026, 10, 25, 12);
  expect(formatAgo(new Date(now - age), now)).toBe(text);
});

test.each([
  [400, "0 s"],
  [59 * SECOND, "59 s"],
  [HOUR, "1 h"],
  [HOUR + 5 * MINUTE + 30 * SECOND, "1 h 5 min"],
  [3 * DAY + 4 * HOUR, "3 d 4 h"],
])("formats a duration of %i ms as %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
