import { mkdtemp, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CorruptedError, StorageError } from "../../src/storage/errors.ts";
import type { MetadataEvent } from "../../src/storage/metadata.ts";
import { openSqliteStore } from "../../src/storage/sqlite/open.ts";
import { StoreProcess } from "./store-process.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sqlite-"));
});
afterEach(() => rm(directory, { recursive: true }));

describe("SQLite store: opening", () => {
  it("creates the directory and its parents", async () => {
    const deep = join(directory, "one", "two");
    const store = await openSqliteStore(deep);
    await store.close();
    expect(await readdir(deep)).toEqual(
      expect.arrayContaining(["journal.db", "metadata.db", "snapshots.db"]),
    );
  });

  it("reports the path if the directory cannot be created", async () => {
    const path = join(directory, "file", "data");
    await writeFile(join(directory, "file"), "");
    const opening = openSqliteStore(path);
    await expect(opening).rejects.toThrow(StorageError);
    await expect(opening).rejects.toThrow(`"${path}" cannot be created`);
    await expect(opening).rejects.toThrow("Set DATA_DIR to");
  });

  it.each(["journal.db", "metadata.db", "snapshots.db"])(
    "reports %s if it is not a database, and opens once it is removed",
    async (name) => {
      const path = join(directory, name);
      await writeFile(path, "This is not a database. ".repeat(100));
      const opening = openSqliteStore(directory);
      await expect(opening).rejects.toThrow(CorruptedError);
      await expect(opening).rejects.toThrow(`"${path}" is not a SQLite database. Restore it`);
      await rm(path);
      await (await openSqliteStore(directory)).close();
    },
  );

  it("rejects a file written by a newer version", async () => {
    edit("PRAGMA user_version = 99");
    const opening = openSqliteStore(directory);
    await expect(opening).rejects.toThrow(StorageError);
    await expect(opening).rejects.toThrow("was written by another version of this program");
  });

  it("reports the lock's path if it is not a lock file", async () => {
    const path = join(directory, "lock");
    await writeFile(path, "This is not a lock. ".repeat(100));
    const opening = openSqliteStore(directory);
    await expect(opening).rejects.toThrow(StorageError);
    await expect(opening).rejects.toThrow(`"${path}" cannot be opened`);
  });

  it("refuses to open a directory twice in the same process", async () => {
    const store = await openSqliteStore(directory);
    const second = openSqliteStore(directory);
    await expect(second).rejects.toThrow(`"${directory}" is used by another process`);
    await store.journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    await store.close();
    await (await openSqliteStore(directory)).close();
  });

  it("refuses a directory that another process uses, until that process is killed or closes it", async () => {
    const other = new StoreProcess(directory);
    await other.open();
    await other.journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    await expect(openSqliteStore(directory)).rejects.toThrow("is used by another process");
    await other.kill();
    const store = await openSqliteStore(directory);
    expect((await store.journal.read("a")).rows).toHaveLength(1);

    const third = new StoreProcess(directory);
    await expect(third.open()).rejects.toThrow("is used by another process");
    await store.close();
    await third.open();
    await third.kill();
  });

  it("can be closed more than once", async () => {
    const store = await openSqliteStore(directory);
    await store.journal.close();
    await Promise.all([store.close(), store.close()]);
    await store.close();
  });

  it("waits for the pending calls of a part being closed, and leaves the other parts open", async () => {
    const store = await openSqliteStore(directory);
    let appended = false;
    const writing = store.snapshots.write("a", new Uint8Array(5_000_000), null);
    const appending = store.journal.append([{ room: "a", update: Uint8Array.of(1) }]).then(() => {
      appended = true;
    });
    await store.journal.close();
    expect(appended).toBe(true);
    await Promise.all([writing, appending]);
    await expect(store.journal.read("a")).rejects.toThrow("the store is closed");
    expect((await store.snapshots.read("a"))?.update).toHaveLength(5_000_000);
    await store.close();
  });

  it("records all events or none, and leaves no transaction open", async () => {
    const store = await openSqliteStore(directory);
    const opened = (room: string): MetadataEvent => ({ type: "room-opened", room, at: 1 });
    const nameless = opened(null as unknown as string);
    await expect(store.metadata.record([opened("a"), nameless])).rejects.toThrow(StorageError);
    expect(await store.metadata.room("a")).toBeNull();
    await store.metadata.record([opened("a"), opened("b")]);
    expect(await store.metadata.room("b")).not.toBeNull();
    await store.close();
  });

  it("rejects appends while another program holds the file's lock, and recovers afterwards", async () => {
    const store = await openSqliteStore(directory);
    const row = { room: "a", update: Uint8Array.of(1) };
    const other = new DatabaseSync(join(directory, "journal.db"));
    other.exec("BEGIN IMMEDIATE");
    await expect(store.journal.append([row])).rejects.toThrow("database is locked");
    other.close();
    await store.journal.append([row]);
    expect((await store.journal.read("a")).rows).toHaveLength(1);
    await store.close();
  });

  it("can be read by other programs while it is open", async () => {
    const store = await openSqliteStore(directory);
    await store.journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    const reader = new DatabaseSync(join(directory, "journal.db"), { readOnly: true });
    expect(reader.prepare("SELECT room FROM journal").all()).toEqual([{ room: "a" }]);
    await store.journal.append([{ room: "b", update: Uint8Array.of(1) }]);
    reader.close();
    await store.close();
  });

  it("truncates the write-ahead log after a large snapshot", async () => {
    const store = await openSqliteStore(directory);
    await store.snapshots.write("a", new Uint8Array(40_000_000), null);
    // The first write after a checkpoint restarts the log and truncates it.
    for (const room of ["b", "c", "d"]) {
      await store.snapshots.write(room, Uint8Array.of(1), null);
    }
    expect((await stat(join(directory, "snapshots.db-wal"))).size).toBeLessThan(17 * 1024 * 1024);
    await store.close();
  });
});

describe("SQLite store: corruption", () => {
  let ids: readonly number[];

  beforeEach(async () => {
    const store = await openSqliteStore(directory);
    const update = new Uint8Array(10_000).fill(7);
    ids = await store.journal.append(["a", "a", "b"].map((room) => ({ room, update })));
    await store.snapshots.write("a", update, null);
    await store.snapshots.write("b", update, null);
    await store.close();
  });

  it.each([
    ["a byte of a row is changed", "UPDATE journal SET content = zeroblob(10000) WHERE id = 2"],
    ["a row is truncated", "UPDATE journal SET content = x'07' WHERE id = 2"],
    ["a row comes from another room", "UPDATE journal SET room = 'a' WHERE id = 3"],
    ["a checksum is changed", "UPDATE journal SET checksum = checksum + 1 WHERE id = 1"],
  ])("is detected and reported with the row's id when %s", async (_, sql) => {
    const changed = Number(/id = (\d)/.exec(sql)?.[1]);
    expect(ids).toEqual([1, 2, 3]);
    edit(sql);
    const store = await openSqliteStore(directory);
    const reading = store.journal.read("a");
    await expect(reading).rejects.toThrow(CorruptedError);
    await expect(reading).rejects.toThrow(`room "a": journal row ${changed} is corrupted`);
    // Other rooms and the snapshots still work.
    await store.journal.append([{ room: "c", update: Uint8Array.of(1) }]);
    expect((await store.journal.read("c")).rows).toHaveLength(1);
    expect((await store.snapshots.read("a"))?.update).toHaveLength(10_000);
    await store.close();
  });

  it("of a snapshot is detected, and the snapshot can be replaced once it is deleted", async () => {
    edit("UPDATE snapshots SET content = zeroblob(10000) WHERE room = 'a'", "snapshots.db");
    const store = await openSqliteStore(directory);
    const reading = store.snapshots.read("a");
    await expect(reading).rejects.toThrow(CorruptedError);
    await expect(reading).rejects.toThrow('snapshot of room "a": the snapshot is corrupted');
    expect((await store.snapshots.read("b"))?.update).toHaveLength(10_000);
    await store.snapshots.delete("a");
    await store.snapshots.write("a", Uint8Array.of(1), null);
    expect((await store.snapshots.read("a"))?.update).toEqual(Uint8Array.of(1));
    await store.close();
  });

  it("of the file's structure is distinguished from a transient failure", async () => {
    const path = join(directory, "journal.db");
    const { size } = await stat(path);
    const file = await open(path, "r+");
    await file.write(Buffer.alloc(size - 4096, 0xee), 0, size - 4096, 4096);
    await file.close();
    const store = await openSqliteStore(directory);
    await expect(store.journal.read("a")).rejects.toThrow(CorruptedError);
    await expect(store.journal.read("a")).rejects.toThrow('journal of room "a"');
    expect((await store.snapshots.read("b"))?.update).toHaveLength(10_000);
    const row = { room: "a", update: Uint8Array.of(1) };
    await expect(store.journal.append([row])).rejects.toThrow(StorageError);
    await store.metadata.record([{ type: "room-opened", room: "a", at: 1 }]);
    await store.close();
  });
});

/** Changes a file behind the store's back, while it is closed. */
function edit(sql: string, file = "journal.db"): void {
  const database = new DatabaseSync(join(directory, file));
  database.exec(sql);
  database.close();
}
