import { expect, it } from "vitest";
import { journalSuite } from "../../src/conformance/journal-suite.ts";
import { snapshotsSuite } from "../../src/conformance/snapshots-suite.ts";
import { MemoryStore } from "../../src/storage/memory/memory-store.ts";
import { journalRoomsSuite } from "./journal-rooms-suite.ts";

async function journals() {
  const store = new MemoryStore();
  return { open: async () => store.openJournal(), discard: async () => {} };
}

journalSuite("memory", journals);
journalRoomsSuite("memory", journals);
snapshotsSuite("memory", async () => {
  const store = new MemoryStore();
  return { open: async () => store.openSnapshots(), discard: async () => {} };
});

it("shares one store among several servers, each of which closes only what it opened", async () => {
  const store = new MemoryStore();
  const [journal, other] = [store.openJournal(), store.openJournal()];
  const [snapshots, others] = [store.openSnapshots(), store.openSnapshots()];
  const ids = await journal.append([{ room: "a", update: Uint8Array.of(1) }]);
  const version = await snapshots.write("a", Uint8Array.of(1), null);
  await Promise.all([journal.close(), snapshots.close()]);
  expect((await other.read("a")).rows).toEqual([{ id: ids[0], update: Uint8Array.of(1) }]);
  await other.truncate("a", ids);
  const next = await others.write("a", Uint8Array.of(2), version);
  expect(await others.read("a")).toEqual({ update: Uint8Array.of(2), version: next });
});

it("copies bytes in and out, including those of a Buffer", async () => {
  const store = new MemoryStore();
  const [journal, snapshots] = [store.openJournal(), store.openSnapshots()];
  const update = Buffer.of(1, 2);
  await journal.append([{ room: "a", update }]);
  await snapshots.write("a", update, null);
  update.fill(0);
  for (let round = 0; round < 2; round++) {
    const [row] = (await journal.read("a")).rows;
    const snapshot = await snapshots.read("a");
    for (const read of [row, snapshot]) {
      expect(read?.update).toEqual(Uint8Array.of(1, 2));
      read?.update.fill(9);
    }
  }
});
