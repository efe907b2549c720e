import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import { openSqliteStore, type SqliteStore } from "../../src/storage/sqlite/open.ts";

let directory: string;
let store: SqliteStore;
let threads: Worker[];
const logger = { error: vi.fn() };

function onThread(message: unknown): void {
  threads.push((message as { worker: Worker }).worker);
}

beforeEach(async () => {
  threads = [];
  subscribe("worker_threads", onThread);
  logger.error.mockClear();
  directory = await mkdtemp(join(tmpdir(), "sqlite-thread-"));
  store = await openSqliteStore(directory, logger);
});
afterEach(async () => {
  vi.useRealTimers();
  unsubscribe("worker_threads", onThread);
  await store.close();
  await rm(directory, { recursive: true });
});

/** Terminates the running threads; resolves once the store has noticed. */
async function killThreads(): Promise<void> {
  await Promise.all(
    threads.splice(0).map(async (thread) => {
      const exited = once(thread, "exit");
      await thread.terminate();
      await exited;
    }),
  );
}

describe("SQLite store: a database thread dies", () => {
  it("rejects pending calls, and recovers with the next call", async () => {
    await store.journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    const version = await store.snapshots.write("a", Uint8Array.of(1), null);
    await store.metadata.record([{ type: "room-opened", room: "a", at: 1 }]);
    // The large write keeps the thread busy, so that the calls after it are still pending.
    const begun = [
      store.journal.append([{ room: "b", update: new Uint8Array(50_000_000) }]),
      store.journal.append([{ room: "a", update: Uint8Array.of(2) }]),
      store.journal.read("a"),
    ];
    const ends = Promise.allSettled(begun);
    await killThreads();
    const [, append, read] = await ends;
    expect([append?.status, read?.status]).toEqual(["rejected", "rejected"]);
    await expect(begun[2]).rejects.toThrow(StorageError);
    await expect(begun[2]).rejects.toThrow("the database thread died");
    expect(logger.error).toHaveBeenCalledTimes(3);

    const [id = 0] = await store.journal.append([{ room: "a", update: Uint8Array.of(3) }]);
    const { rows } = await store.journal.read("a");
    expect(rows[0]?.update).toEqual(Uint8Array.of(1));
    expect(rows.at(-1)).toEqual({ id, update: Uint8Array.of(3) });
    expect(await store.snapshots.read("a")).toEqual({ update: Uint8Array.of(1), version });
    expect(await store.metadata.room("a")).toMatchObject({ createdAt: 1 });
    expect(threads).toHaveLength(3);
  });

  it("stops restarting a thread that keeps dying, and tries again 10 s later", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const row = { room: "a", update: Uint8Array.of(1) };
    await killThreads();
    await store.journal.append([row]);
    await killThreads();
    await store.journal.append([row]);
    await killThreads();
    await expect(store.journal.append([row])).rejects.toThrow("the database thread keeps dying");
    await expect(store.journal.append([row])).rejects.toThrow(StorageError);
    expect(threads).toEqual([]);
    vi.advanceTimersByTime(10_001);
    await store.journal.append([row]);
    expect((await store.journal.read("a")).rows).toHaveLength(3);
  });

  it("closes and releases the directory", async () => {
    await killThreads();
    await store.close();
    store = await openSqliteStore(directory);
  });
});
