import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { StorageError } from "../../src/storage/errors.ts";
import type { JournalRow } from "../../src/storage/journal.ts";
import { IoFaults } from "../support/faults/io-faults.ts";
import { StoreProcess } from "./store-process.ts";

let faults: IoFaults;
let directory: string;
let store: StoreProcess;

beforeAll(async () => {
  faults = await IoFaults.prepare();
});
afterAll(() => faults.dispose());

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sqlite-faults-"));
  store = new StoreProcess(directory, faults.env);
  await store.open();
});
afterEach(async () => {
  await store.kill();
  await faults.clear();
  await rm(directory, { recursive: true });
});

describe.each([
  { fault: { writes: "ENOSPC" }, reason: "database or disk is full" },
  { fault: { writes: "EIO" }, reason: "disk I/O error" },
  { fault: { syncs: "EIO" }, reason: "disk I/O error" },
] as const)("SQLite store: $fault", ({ fault, reason }) => {
  it("rejects an append as a whole, and appends again once the fault clears", async () => {
    await store.journal.append(rowsOf(1));
    await faults.set({ ...fault, path: "journal.db" });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const failing = store.journal.append(rowsOf(2));
      await expect(failing).rejects.toThrow(StorageError);
      await expect(failing).rejects.toThrow(reason);
    }
    expect(await marks("a")).toEqual([1, 1]);
    await faults.clear();
    await store.journal.append(rowsOf(3));
    expect(await marks("a")).toEqual([1, 1, 3, 3]);
    expect(await marks("b")).toEqual([1, 3]);
    await expectInjected();

    await restart();
    expect(await marks("a")).toEqual([1, 1, 3, 3]);
    expect(await marks("b")).toEqual([1, 3]);
  });

  it("truncates all rows or none", async () => {
    const ids = await store.journal.append(rowsOf(1));
    await faults.set({ ...fault, path: "journal.db" });
    await expect(store.journal.truncate("a", ids)).rejects.toThrow(reason);
    const before = await store.journal.read("a");
    expect([before.rows.length, before.snapshotted]).toEqual([2, false]);
    await faults.clear();
    await store.journal.truncate("a", ids);
    const after = await store.journal.read("a");
    expect([after.rows.length, after.snapshotted]).toEqual([0, true]);
    await expectInjected();
  });

  it("keeps the old snapshot if a new one cannot be written", async () => {
    const old = { update: new Uint8Array(300_000).fill(1) };
    const version = await store.snapshots.write("a", old.update, null);
    await faults.set({ ...fault, path: "snapshots.db" });
    const next = new Uint8Array(300_000).fill(2);
    await expect(store.snapshots.write("a", next, version)).rejects.toThrow(reason);
    expect(await store.snapshots.read("a")).toEqual({ ...old, version });
    await faults.clear();
    const written = await store.snapshots.write("a", next, version);
    expect(await store.snapshots.read("a")).toEqual({ update: next, version: written });
    await expectInjected();
  });

  it("records all events or none", async () => {
    const events = (at: number) =>
      ["a", "b"].map((room) => ({ type: "room-opened" as const, room, at }));
    await store.metadata.record([{ type: "room-opened", room: "first", at: 1 }]);
    await faults.set({ ...fault, path: "metadata.db" });
    await expect(store.metadata.record(events(1))).rejects.toThrow(reason);
    expect([await store.metadata.room("a"), await store.metadata.room("b")]).toEqual([null, null]);
    await store.journal.append(rowsOf(1));
    await faults.clear();
    await store.metadata.record(events(2));
    expect(await store.metadata.room("b")).toMatchObject({ createdAt: 2 });
    await expectInjected();
  });

  it("reports that it cannot open, and opens once the fault clears", async () => {
    await store.close();
    await rm(directory, { recursive: true });
    await faults.set({ ...fault, path: directory });
    const opening = store.open();
    await expect(opening).rejects.toThrow(StorageError);
    await expect(opening).rejects.toThrow(directory);
    await faults.clear();
    await store.open();
    await store.journal.append(rowsOf(1));
    expect(await marks("b")).toEqual([1]);
    await expectInjected();
  });

  async function expectInjected(): Promise<void> {
    const { failedWrites, failedSyncs } = await faults.injected();
    expect("writes" in fault ? failedWrites : failedSyncs).toBeGreaterThan(0);
  }
});

describe("SQLite store: failing reads", () => {
  it("reports which room cannot be read, and reads it once the fault clears", async () => {
    const rows = Array.from({ length: 300 }, (_, index) => ({
      room: `room-${index % 3}`,
      update: new Uint8Array(10_000).fill(index % 3),
    }));
    await store.journal.append(rows);
    await store.snapshots.write("room-0", new Uint8Array(1_000_000), null);
    await restart();
    await faults.set({ reads: "EIO", path: directory });
    for (const part of [store.journal, store.snapshots]) {
      const reading = part.read("room-0");
      await expect(reading).rejects.toThrow(StorageError);
      await expect(reading).rejects.toThrow('room "room-0"');
    }
    expect((await faults.injected()).failedReads).toBeGreaterThan(0);
    await faults.clear();
    for (const room of ["room-0", "room-1", "room-2"]) {
      expect((await store.journal.read(room)).rows).toHaveLength(100);
    }
    expect((await store.snapshots.read("room-0"))?.update).toHaveLength(1_000_000);
  });
});

describe("SQLite store: a slow disk", () => {
  it("delays appends, but not calls that use another file", async () => {
    await faults.set({ syncDelayMs: 50_000, path: "journal.db" });
    let appended = false;
    const append = store.journal.append(rowsOf(1)).then(() => {
      appended = true;
    });
    await store.metadata.record([{ type: "room-opened", room: "a", at: 1 }]);
    expect(await store.metadata.room("a")).toMatchObject({ createdAt: 1 });
    await vi.waitUntil(async () => (await faults.injected()).delayedSyncs > 0);
    expect(appended).toBe(false);
    await faults.clear();
    await append;
    expect(await marks("a")).toEqual([1, 1]);
  });
});

/** Two rows of room `a` and one of room `b`, identified by `mark`; too large for one page. */
function rowsOf(mark: number): JournalRow[] {
  const update = new Uint8Array(20_000).fill(mark);
  return ["a", "b", "a"].map((room) => ({ room, update }));
}

async function marks(room: string): Promise<(number | undefined)[]> {
  return (await store.journal.read(room)).rows.map((row) => row.update[0]);
}

/** Starts another process, which sees only what is on disk. */
async function restart(): Promise<void> {
  await store.kill();
  store = new StoreProcess(directory, faults.env);
  await store.open();
}
