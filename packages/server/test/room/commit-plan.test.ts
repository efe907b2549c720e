import { afterEach, beforeEach, expect, it } from "vitest";
import { UNKNOWN } from "../../src/room/origin.ts";
import type { JournalRow } from "../../src/storage/journal.ts";
import { type Measured, measuredDocuments } from "../metrics/measured-documents.ts";
import { RoomClient } from "../replication/room-client.ts";
import { updateOf } from "../support/made-updates.ts";
import { withOverrides } from "../support/wrap-part.ts";

const MB = 1024 * 1024;

let measured: Measured;
let commits: { readonly rows: readonly JournalRow[]; readonly go: () => void }[] = [];

/** Rooms whose commits happen when the test triggers them. */
beforeEach(async () => {
  commits = [];
  measured = await measuredDocuments(({ journal, snapshots }) => ({
    journal: withOverrides(journal, {
      append: async (rows) => {
        await new Promise<void>((resolve) => commits.push({ rows, go: resolve }));
        return journal.append(rows);
      },
    }),
    snapshots,
  }));
});
afterEach(async () => {
  const committing = setInterval(() => {
    for (const { go } of commits.splice(0)) go();
  }, 1);
  await measured.close();
  clearInterval(committing);
});

async function nextCommit(): Promise<readonly JournalRow[]> {
  while (commits.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const [commit] = commits.splice(0);
  commit?.go();
  return commit?.rows ?? [];
}

function bytesOf(rows: readonly JournalRow[]): number {
  return rows.reduce((sum, { update }) => sum + update.length, 0);
}

it("includes a small update in the next commit, however much other rooms have queued", async () => {
  const { documents } = measured;
  const rooms = Array.from({ length: 12 }, (_, i) => `upload ${i}`);
  const uploaders = await Promise.all(rooms.map((room) => RoomClient.open(documents, room)));
  const typist = await RoomClient.open(documents, "typing");
  for (const uploader of uploaders) {
    for (let i = 0; i < 2; i++) uploader.type("x".repeat(MB));
  }
  typist.type("small");
  const first = await nextCommit();
  expect(first.map(({ room }) => room)).toContain("typing");
  expect(bytesOf(first)).toBeLessThan(4 * MB);
  typist.type("small too");
  const second = await nextCommit();
  expect(second.map(({ room }) => room)).toContain("typing");
  const written = [...first, ...second];
  while (documents.journal.lag.bytes > 0) {
    if (commits.length > 0) written.push(...(await nextCommit()));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(bytesOf(written.filter(({ room }) => room !== "typing"))).toBeGreaterThan(24 * MB);
  for (const { document } of uploaders) expect(document.log.durable).toBe(document.log.end);
});

it("limits the number of struct runs per commit", async () => {
  const { documents } = measured;
  const { document } = await RoomClient.open(documents, "crowd");
  const typist = await RoomClient.open(documents, "typing");
  const updates = 60;
  for (let u = 0; u < updates; u++) {
    const clients = Array.from({ length: 1_000 }, (_, i) => 1 + u + i * updates);
    const runs = clients.map((client) => ({ client, from: 0, length: 1 }));
    document.submit(updateOf(runs, []), UNKNOWN);
  }
  typist.type("small");
  const written: JournalRow[][] = [];
  while (documents.journal.lag.bytes > 0) {
    if (commits.length > 0) written.push([...(await nextCommit())]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const crowded = written.map((rows) => rows.filter(({ room }) => room === "crowd").length);
  expect(crowded.reduce((sum, count) => sum + count)).toBe(updates);
  expect(Math.max(...crowded)).toBeLessThanOrEqual(10);
  const typed = written.findIndex((rows) => rows.some(({ room }) => room === "typing"));
  expect(typed).toBeLessThanOrEqual(1);
});

it("does not starve a large update while small ones with many runs are queued", async () => {
  const { documents } = measured;
  const uploader = await RoomClient.open(documents, "upload");
  const clients = Array.from({ length: 1_000 }, (_, i) => 1 + i);
  const crowded = updateOf(
    clients.map((client) => ({ client, from: 0, length: 1 })),
    [],
  );
  for (let i = 0; i < 12; i++) {
    const { document } = await RoomClient.open(documents, `crowd ${i}`);
    document.submit(crowded, UNKNOWN);
  }
  uploader.type("x".repeat(MB));
  const rooms = [...(await nextCommit()), ...(await nextCommit())].map(({ room }) => room);
  expect(rooms).toContain("upload");
});
