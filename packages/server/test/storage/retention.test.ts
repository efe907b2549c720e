import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Retention } from "../../src/metadata/retention.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";
import { waitFor } from "../support/wait-for.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 10, 24, 12);

let directory: string;
let store: SqliteStore;
let warnings: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "retention-"));
  store = await openSqliteStore(directory);
  warnings = [];
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: NOON });
});

afterEach(async () => {
  vi.useRealTimers();
  await store.close();
  await rm(directory, { recursive: true });
});

describe("retention", () => {
  it("deletes old connections and activity a minute after the start, then every hour", async () => {
    await store.metadata.record([
      ...connection("old", NOON - 3 * DAY),
      ...connection("older soon", NOON - 2 * DAY + HOUR / 2),
      ...connection("young", NOON - DAY),
    ]);
    for (const minute of [NOON - 3 * DAY, NOON - 2 * DAY, NOON - DAY]) await recordActivity(minute);
    const retention = start();
    vi.advanceTimersByTime(MINUTE);
    await waitFor(async () => (await connections()).length === 2, {
      message: "one connection is deleted",
    });
    expect(await activity()).toEqual([NOON - 2 * DAY, NOON - DAY]);
    // The timer is set at the end of a run.
    await waitFor(() => vi.getTimerCount() === 1, { message: "the next run is scheduled" });
    vi.advanceTimersByTime(HOUR);
    await waitFor(async () => (await connections()).length === 1, {
      message: "another connection is deleted",
    });
    expect(await connections()).toEqual(["young"]);
    expect(await activity()).toEqual([NOON - DAY]);
    retention.close();
    expect(warnings).toEqual([]);
  });

  it("aggregates activity by hour", async () => {
    await recordActivity(NOON - HOUR);
    const retention = start();
    vi.advanceTimersByTime(MINUTE);
    await waitFor(() => vi.getTimerCount() === 1, { message: "the next run is scheduled" });
    retention.close();
    await store.close();
    const database = new DatabaseSync(join(directory, "metadata.db"));
    const hours = database.prepare("SELECT at FROM activity_by_hour").all();
    database.close();
    expect(hours.map(({ at }) => at)).toEqual([NOON - HOUR]);
  });

  it("logs each step that fails, continues with the rest, and retries after an hour", async () => {
    const retention = start();
    await store.close();
    vi.advanceTimersByTime(MINUTE);
    const expected = [
      "aggregating activity failed",
      "deleting old activity failed",
      "deleting old connections failed",
      "deleting old tombstones failed",
    ];
    await waitFor(() => warnings.length === 4, { message: "all four steps have failed" });
    expect(warnings).toEqual(expected);
    await waitFor(() => vi.getTimerCount() === 1, { message: "the next run is scheduled" });
    vi.advanceTimersByTime(HOUR);
    await waitFor(() => warnings.length === 8, { message: "all four steps have failed again" });
    retention.close();
  });

  it("does nothing after it is closed", async () => {
    const retention = start();
    vi.advanceTimersByTime(MINUTE);
    retention.close();
    await store.close();
    expect(vi.getTimerCount()).toBe(0);
    expect(warnings).toEqual([]);
  });
});

function start(): Retention {
  const logger = pino(
    { level: "warn" },
    { write: (line: string) => void warnings.push(JSON.parse(line).msg) },
  );
  return new Retention(store.metadata, 2, logger);
}

function connection(id: string, at: number) {
  return [
    { type: "connected" as const, connection: id, room: "a", server: "server:1", at },
    { type: "disconnected" as const, connection: id, at },
  ];
}

function recordActivity(minute: number): Promise<void> {
  const figures = { connections: 1, rooms: 1, connects: 1 };
  return store.metadata.recordActivity({ server: "server:1", minute, ...figures });
}

async function connections(): Promise<string[]> {
  const found = await store.metadata.connections({ from: 0, to: NOON, limit: 10 });
  return found.map(({ connection }) => connection);
}

/** Returns the hours with activity. */
async function activity(): Promise<number[]> {
  const points = await store.metadata.activity({ from: NOON - 4 * DAY, to: NOON, bucket: HOUR });
  return points.filter(({ connects }) => connects > 0).map(({ at }) => at);
}
