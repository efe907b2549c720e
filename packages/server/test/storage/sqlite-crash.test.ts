import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { decodeEntries, merged } from "./crash-entries.ts";

const KILLS = 6;

describe("SQLite store: kill -9", () => {
  it("loses no acknowledged row, and keeps no partial append", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sqlite-crash-"));
    const acknowledged = new Set<number>();
    for (let kill = 0; kill < KILLS; kill += 1) {
      // Kill it at a different moment each time.
      const batches = await appendUntilKilled(directory, kill * 1_000_000, 40 + 37 * kill);
      for (const batch of batches) acknowledged.add(batch);

      const found = await storedBatches(directory);
      const lost = [...acknowledged].filter((batch) => !found.has(batch));
      const halves = [...found].filter(([, batch]) => batch.rows !== batch.size);
      expect({ lost, halves }).toEqual({ lost: [], halves: [] });
    }
    expect(acknowledged.size).toBeGreaterThan(40 * KILLS);
    await rm(directory, { recursive: true });
  });
});

/** Kills the child once it has acknowledged `count` appends; returns all acknowledged ones. */
async function appendUntilKilled(
  directory: string,
  firstBatch: number,
  count: number,
): Promise<number[]> {
  const program = fileURLToPath(new URL("./crash-child.ts", import.meta.url));
  const child = fork(program, [directory, String(firstBatch)], { execArgv: [] });
  const acknowledged: number[] = [];
  child.on("message", (batch: number) => {
    acknowledged.push(batch);
    if (acknowledged.length === count) child.kill("SIGKILL");
  });
  const [, signal] = await once(child, "exit");
  expect(signal).toBe("SIGKILL");
  return acknowledged;
}

/** Returns the appends found in the snapshots or the journal, each with how many of its rows were found. */
async function storedBatches(
  directory: string,
): Promise<Map<number, { rows: number; size: number }>> {
  const store = await openSqliteStore(directory);
  const found = new Map<number, { rows: number; size: number }>();
  for (const room of ["room-0", "room-1", "room-2"]) {
    const { rows, snapshotted } = await store.journal.read(room);
    const snapshot = await store.snapshots.read(room);
    if (snapshotted) expect(snapshot).not.toBeNull();
    const updates = [...(snapshot ? [snapshot.update] : []), ...rows.map((row) => row.update)];
    for (const { batch, size } of decodeEntries(merged(updates))) {
      found.set(batch, { rows: (found.get(batch)?.rows ?? 0) + 1, size });
    }
  }
  await store.close();
  return found;
}
