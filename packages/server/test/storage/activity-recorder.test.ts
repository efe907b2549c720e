import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ActivityRecorder } from "../../src/metadata/activity-recorder.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";
import { waitFor } from "../support/wait-for.ts";

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 10, 24, 12);

let directory: string;
let store: SqliteStore;
let errors: string[];
/** How often the store has been asked to record activity. */
let attempts: number;
const logger = { error: (_details: object, message: string) => errors.push(message) };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "activity-recorder-"));
  store = await openSqliteStore(directory);
  errors = [];
  attempts = 0;
  vi.useFakeTimers({ toFake: ["Date", "setInterval", "clearInterval"], now: NOON });
});

afterEach(async () => {
  vi.useRealTimers();
  await store.close();
  await rm(directory, { recursive: true });
});

describe("activity recorder", () => {
  it("records each minute's peaks and how many connections were opened", async () => {
    const recorder = create();
    recorder.connected("a");
    recorder.connected("a");
    recorder.disconnected("a");
    recorder.connected("b");
    recorder.disconnected("b");
    recorder.connected("b");
    vi.setSystemTime(NOON + MINUTE);
    recorder.disconnected("a");
    recorder.connected("b");
    recorder.disconnected("b");
    recorder.disconnected("b");
    vi.setSystemTime(NOON + 3 * MINUTE);
    recorder.connected("c");
    recorder.disconnected("c");
    await recorder.close();
    expect(await minutes(4)).toEqual([
      [2, 2, 4],
      [2, 2, 1],
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });

  it("starts each minute with the clients still connected, even if nothing happens", async () => {
    const recorder = create();
    recorder.connected("a");
    recorder.connected("b");
    for (let minute = 1; minute <= 3; minute += 1) {
      vi.setSystemTime(NOON + minute * MINUTE);
      vi.advanceTimersByTime(10_000);
      await waitFor(async () => (await minutes(minute + 1)).at(-1)?.[0] === 2, {
        message: `minute ${minute} starts with 2 connections`,
      });
    }
    recorder.disconnected("a");
    recorder.disconnected("b");
    vi.setSystemTime(NOON + 4 * MINUTE);
    await recorder.close();
    expect(await minutes(5)).toEqual([
      [2, 2, 2],
      [2, 2, 0],
      [2, 2, 0],
      [2, 2, 0],
      [0, 0, 0],
    ]);
  });

  it("writes every ten seconds during a minute", async () => {
    const recorder = create();
    for (let connects = 1; connects <= 3; connects += 1) {
      recorder.connected("a");
      vi.advanceTimersByTime(10_000);
      await waitFor(async () => (await minutes(1))[0]?.[2] === connects, {
        message: `${connects} connections are recorded for this minute`,
      });
    }
    await recorder.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("logs once that writes fail, and writes the last 60 minutes once they succeed", async () => {
    const recorder = create();
    await store.metadata.close();
    for (let minute = 0; minute < 70; minute += 1) {
      vi.setSystemTime(NOON + minute * MINUTE);
      recorder.connected("a");
      vi.advanceTimersByTime(10_000);
      await waitFor(() => attempts > minute, { message: "another write has been attempted" });
    }
    await reopen();
    await recorder.close();
    expect(errors).toEqual(["writing activity failed, retrying"]);
    const written = await minutes(70);
    expect(written.slice(0, 10).flat()).toEqual(Array(30).fill(0));
    expect(written[10]).toEqual([11, 1, 1]);
    expect(written[69]).toEqual([70, 1, 1]);
  });

  it("records events that arrive during a write", async () => {
    const recorder = create();
    recorder.connected("a");
    vi.advanceTimersByTime(10_000);
    expect(attempts).toBe(1);
    recorder.connected("a");
    await recorder.close();
    expect(await minutes(1)).toEqual([[2, 1, 2]]);
  });

  it("closes even if it cannot write", async () => {
    const recorder = create();
    recorder.connected("a");
    await store.metadata.close();
    await recorder.close();
    expect(errors).toEqual(["writing activity failed, retrying"]);
  });
});

/** Creates a recorder that uses the currently open store. */
function create(): ActivityRecorder {
  return new ActivityRecorder({
    metadata: {
      recordActivity: (activity) => {
        attempts += 1;
        return store.metadata.recordActivity(activity);
      },
    },
    server: "server:1",
    logger: logger as never,
  });
}

async function reopen(): Promise<void> {
  await store.close();
  store = await openSqliteStore(directory);
}

/** Returns the connections, rooms and connects of each of the first minutes. */
async function minutes(count: number): Promise<number[][]> {
  const range = { from: NOON, to: NOON + count * MINUTE, bucket: MINUTE };
  const points = await store.metadata.activity(range);
  return points.map(({ connections, rooms, connects }) => [connections, rooms, connects]);
}
