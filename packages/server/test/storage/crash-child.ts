import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { type Entry, encodeEntries, merged } from "./crash-entries.ts";

// Appends and compacts until it is killed, reporting acknowledged appends to its parent.

const ROOMS = ["room-0", "room-1", "room-2"];

const directory = process.argv[2] ?? "";
const firstBatch = Number(process.argv[3]);
const store = await openSqliteStore(directory);

async function append(): Promise<never> {
  for (let batch = firstBatch; ; batch += 1) {
    const size = 1 + (batch % 8);
    const entries = Array.from({ length: size }, (_, index): Entry => ({ batch, index, size }));
    const rows = entries.map((entry) => ({
      room: ROOMS[(batch + entry.index) % ROOMS.length] ?? "",
      update: encodeEntries([entry]),
    }));
    await store.journal.append(rows);
    process.send?.(batch);
  }
}

async function compact(): Promise<never> {
  for (let round = 0; ; round += 1) {
    const room = ROOMS[round % ROOMS.length] ?? "";
    const { rows } = await store.journal.read(room);
    const snapshot = await store.snapshots.read(room);
    const update = merged([
      ...(snapshot ? [snapshot.update] : []),
      ...rows.map((row) => row.update),
    ]);
    await store.snapshots.write(room, update, snapshot?.version ?? null);
    await store.journal.truncate(
      room,
      rows.map((row) => row.id),
    );
  }
}

process.on("disconnect", () => process.exit());
await Promise.all([append(), compact()]);
