import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CorruptedError, StorageError } from "../../src/storage/errors.ts";
import type { Journal } from "../../src/storage/journal.ts";
import { waitFor } from "../support/wait-for.ts";
import { usePostgres } from "./postgres-server.ts";

const WAITING_FOR_LOCK = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";

describe("PostgreSQL journal: many servers", () => {
  const postgres = usePostgres({ fsync: false });

  it("keeps each server's rows in order, and gives every row a unique id", async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all([1, 2, 3, 4].map(() => postgres.open(url)));
    const appended = await Promise.all(
      stores.map(async ({ journal }, server) => {
        const ids: number[] = [];
        for (let batch = 0; batch < 30; batch += 1) {
          const rows = Array.from({ length: 9 }, (_, index) => ({
            room: `room-${index % 3}`,
            update: Uint8Array.of(server, batch, index),
          }));
          ids.push(...(await journal.append(rows)));
        }
        return ids;
      }),
    );
    expect(new Set(appended.flat()).size).toBe(4 * 30 * 9);
    for (const room of [0, 1, 2]) {
      const found = await contents(stores[0]?.journal, `room-${room}`);
      expect(found).toHaveLength(4 * 30 * 3);
      for (const server of [0, 1, 2, 3]) {
        const own = found.filter(([author]) => author === server).map(([, ...rest]) => rest);
        const expected = Array.from({ length: 90 }, (_, at) => [
          Math.floor(at / 3),
          room + 3 * (at % 3),
        ]);
        expect(own).toEqual(expected);
      }
    }
  });

  it("returns rows in commit order, whichever server appended them", async () => {
    const url = await postgres.createDatabase();
    const stores = await Promise.all([1, 2, 3].map(() => postgres.open(url)));
    for (let round = 0; round < 30; round += 1) {
      await stores[round % 3]?.journal.append([{ room: "a", update: Uint8Array.of(round) }]);
    }
    const expected = Array.from({ length: 30 }, (_, round) => [round]);
    expect(await contents(stores[0]?.journal, "a")).toEqual(expected);
  });

  it("reads while an append is in progress", async () => {
    const url = await postgres.createDatabase();
    const { journal } = await postgres.open(url);
    await journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    const other = await postgres.connect(url);
    await other.query("BEGIN");
    await other.query("LOCK TABLE journal IN SHARE MODE");
    const appending = journal.append([{ room: "a", update: new Uint8Array(8_000_000) }]);
    await waitFor(async () => (await other.query(WAITING_FOR_LOCK)).rowCount === 1, {
      message: "the append is waiting for the lock",
    });
    expect(await contents(journal, "a")).toEqual([[1]]);
    await other.query("COMMIT");
    await appending;
    expect((await journal.read("a")).rows.map(({ update }) => update.length)).toEqual([
      1, 8_000_000,
    ]);
  });

  it("rejects an append that waits too long for a lock, and leaves no session waiting", async () => {
    const url = await postgres.createDatabase();
    const { journal } = await postgres.open(url);
    const row = { room: "a", update: Uint8Array.of(1) };
    const other = await postgres.connect(url);
    await other.query("BEGIN");
    await other.query("LOCK TABLE journal IN SHARE MODE");
    await expect(journal.append([row])).rejects.toThrow(StorageError);
    expect((await other.query(WAITING_FOR_LOCK)).rowCount).toBe(0);
    await other.query("COMMIT");
    await journal.append([row]);
    expect(await contents(journal, "a")).toEqual([[1]]);
  });

  it("waits on close for appends that are queued for a connection", async () => {
    const url = await postgres.createDatabase();
    const { journal } = await postgres.open(url);
    const appending = Array.from({ length: 20 }, (_, index) =>
      journal.append([{ room: "a", update: Uint8Array.of(index) }]),
    );
    await journal.close();
    await Promise.all(appending);
    expect(await contents((await postgres.open(url)).journal, "a")).toHaveLength(20);
  });

  it("never scans the whole table, even if it is small", async () => {
    const url = await postgres.createDatabase();
    const other = await postgres.connect(url);
    const store = await postgres.open(url);
    await store.journal.append([{ room: "b", update: Uint8Array.of(1) }]);
    // The statistics now say that the table is small: scanning all of it would be cheaper.
    await other.query("VACUUM ANALYZE journal");
    for (let round = 0; round < 10; round += 1) {
      const ids = await store.journal.append([{ room: "a", update: Uint8Array.of(round) }]);
      await store.journal.read("a");
      await store.journal.truncate("a", ids);
      await store.journal.forget("a");
    }
    // Sessions report their statistics when they end.
    await store.close();
    const used = await waitFor(
      async () => {
        const { rows } = await other.query(
          "SELECT idx_scan, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'journal'",
        );
        return Number(rows[0]?.idx_scan) > 0 && rows[0];
      },
      { message: "the sessions have reported their statistics" },
    );
    expect(used).toHaveProperty("seq_tup_read", "0");
  });
});

describe("PostgreSQL journal: durability", () => {
  // With these settings, the server holds a commit in memory for up to ten seconds.
  const postgres = usePostgres({
    settings: { synchronous_commit: "off", wal_writer_delay: "10s" },
  });

  it("does not depend on the settings of the server or the URL", async () => {
    const url = await postgres.createDatabase();
    const store = await postgres.open(`${url}?options=-c%20synchronous_commit%3Doff`);
    await store.journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    await postgres.service.kill();
    await postgres.service.start();
    expect(await contents((await postgres.open(url)).journal, "a")).toEqual([[1]]);
  });
});

describe("PostgreSQL journal: corruption", () => {
  const postgres = usePostgres();

  it.each([
    ["a byte of a row is changed", "content = set_byte(content, 500, 8)", 2],
    ["a row is truncated", "content = '\\x07'", 2],
    ["a row comes from another room", "room = 'a'", 3],
    ["a checksum is changed", "checksum = checksum + 1", 1],
  ])("is detected and reported with the row's id when %s", async (_, change, id) => {
    const url = await postgres.createDatabase();
    const { journal } = await postgres.open(url);
    const update = new Uint8Array(10_000).fill(7);
    const rows = ["a", "a", "b"].map((room) => ({ room, update }));
    expect(await journal.append(rows)).toEqual([1, 2, 3]);
    await (await postgres.connect(url)).query(`UPDATE journal SET ${change} WHERE id = ${id}`);
    const reading = journal.read("a");
    await expect(reading).rejects.toThrow(CorruptedError);
    await expect(reading).rejects.toThrow(`journal row ${id} is corrupted`);
    await expect(reading).rejects.toThrow('read the journal of room "a"');
    // Other rooms still work.
    await journal.append([{ room: "c", update: Uint8Array.of(1) }]);
    expect(await contents(journal, "c")).toEqual([[1]]);
  });

  it("of a page is distinguished from a transient failure", async () => {
    const url = await postgres.createDatabase();
    const store = await postgres.open(url);
    await store.journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    const other = await postgres.connect(url);
    await other.query("CHECKPOINT");
    const { rows } = await other.query("SELECT pg_relation_filepath('journal') AS path");
    await postgres.service.kill();
    const file = await open(join(postgres.service.directory, String(rows[0]?.path)), "r+");
    await file.write(Buffer.alloc(100, 0xee), 0, 100, 0);
    await file.close();
    await postgres.service.start();
    // Until the server accepts connections again, the failure is a transient one.
    const failure = await waitFor(() => store.journal.read("a").then(() => null, corruptionOf), {
      message: "the journal reports the corruption",
    });
    expect(failure.message).toContain("invalid page");
  });
});

async function contents(journal: Journal | undefined, room: string): Promise<number[][]> {
  return (await journal?.read(room))?.rows.map(({ update }) => [...update]) ?? [];
}

function corruptionOf(error: unknown): CorruptedError | null {
  if (error instanceof CorruptedError) return error;
  expect(error).toBeInstanceOf(StorageError);
  return null;
}
