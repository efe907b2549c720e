import { describe, expect, it } from "vitest";
import {
  CorruptedError,
  SnapshotConflictError,
  SnapshotTooLargeError,
  StorageError,
} from "../../src/storage/errors.ts";
import { MAX_SNAPSHOT_BYTES } from "../../src/storage/postgres/snapshot-limits.ts";
import type { SnapshotStore, SnapshotVersion } from "../../src/storage/snapshots.ts";
import { waitFor } from "../support/wait-for.ts";
import { usePostgres } from "./postgres-server.ts";

const MIB = 1024 * 1024;
/** Larger snapshots are read in parts of this size. */
const PART = MIB / 4;
const WAITING_FOR_LOCK = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";

describe("PostgreSQL snapshots: large ones", () => {
  const postgres = usePostgres({ fsync: false });

  it.each([PART - 1, PART, PART + 1, MIB - 1, 3 * MIB])(
    "of %i bytes are returned as they were written",
    async (bytes) => {
      const { snapshots } = await postgres.open(await postgres.createDatabase());
      const update = patterned(bytes);
      const version = await snapshots.write("a", update, null);
      const found = await snapshots.read("a");
      expect(found?.version).toBe(version);
      expect(Buffer.compare(found?.update ?? Buffer.of(), update)).toBe(0);
    },
  );

  it("of the largest size are stored; larger ones are refused with their size", async () => {
    const { snapshots } = await postgres.open(await postgres.createDatabase());
    const largest = patterned(MAX_SNAPSHOT_BYTES + 1);
    const version = await snapshots.write("a", largest.subarray(1), null);
    const refused = snapshots.write("a", largest, version);
    await expect(refused).rejects.toThrow(SnapshotTooLargeError);
    await expect(refused).rejects.toThrow(/"a" in PostgreSQL: it has 134217729 bytes, .*S3_BUCKET/);
    const found = await snapshots.read("a");
    expect(found?.version).toBe(version);
    expect(Buffer.compare(found?.update ?? Buffer.of(), largest.subarray(1))).toBe(0);
  });

  it("are read from one state while others replace them", async () => {
    const url = await postgres.createDatabase();
    const [reader, writer] = await Promise.all([postgres.open(url), postgres.open(url)]);
    const updates = [1, 2].map((fill) => new Uint8Array(5 * MIB).fill(fill));
    let version = await writer.snapshots.write("a", updates[0] ?? Uint8Array.of(), null);
    let isWriting = true;
    const writing = (async () => {
      for (let round = 1; round <= 10; round++) {
        const update = updates[round % 2] ?? Uint8Array.of();
        version = await writer.snapshots.write("a", update, version);
      }
      isWriting = false;
    })();
    let reads = 0;
    while (isWriting) {
      const { update } = (await reader.snapshots.read("a")) ?? { update: Uint8Array.of() };
      expect(new Set(update).size).toBe(1);
      reads++;
    }
    await writing;
    expect(reads).toBeGreaterThan(0);
    expect((await reader.snapshots.read("a"))?.version).toBe(version);
  });

  it("delay no append, and no reader, while they wait to be written", async () => {
    const url = await postgres.createDatabase();
    const { journal, snapshots } = await postgres.open(url);
    const version = await snapshots.write("a", Uint8Array.of(1), null);
    const [other, observer] = [await postgres.connect(url), await postgres.connect(url)];
    await other.query("BEGIN");
    await other.query("LOCK TABLE symphony_snapshots IN SHARE MODE");
    const writing = Array.from({ length: 6 }, (_, index) =>
      snapshots.write(`b-${index}`, patterned(MIB), null),
    );
    await waitFor(async () => (await observer.query(WAITING_FOR_LOCK)).rowCount === 2, {
      message: "two snapshots wait for the lock",
    });
    await journal.append([{ room: "a", update: Uint8Array.of(1) }]);
    expect(await snapshots.read("a")).toEqual({ update: Uint8Array.of(1), version });
    await other.query("COMMIT");
    expect(new Set(await Promise.all(writing)).size).toBe(6);
  });
});

describe("PostgreSQL snapshots: corruption", () => {
  const postgres = usePostgres({ fsync: false });

  it.each([
    ["a byte is changed", 100, "content = set_byte(content, 50, 8)"],
    ["a byte is changed beyond the first part", 2 * MIB, "content = set_byte(content, 2000000, 8)"],
    ["it is truncated", 100, "content = substring(content FROM 1 FOR 10)"],
    ["it is truncated beyond the first part", 2 * MIB, "content = substring(content FROM 2)"],
    ["it comes from another room", 100, "room = 'b'"],
    ["its checksum is changed", 100, "checksum = checksum + 1"],
  ])("is detected when %s", async (_, bytes, change) => {
    const url = await postgres.createDatabase();
    const { snapshots } = await postgres.open(url);
    const version = await snapshots.write("a", new Uint8Array(bytes).fill(7), null);
    await (await postgres.connect(url)).query(`UPDATE symphony_snapshots SET ${change}`);
    const room = change.startsWith("room") ? "b" : "a";
    const reading = snapshots.read(room);
    await expect(reading).rejects.toThrow(CorruptedError);
    await expect(reading).rejects.toThrow(`read the snapshot of room "${room}"`);
    // Whoever has the document can store it again.
    const repaired = await snapshots.write(room, Uint8Array.of(1), version);
    expect(await snapshots.read(room)).toEqual({ update: Uint8Array.of(1), version: repaired });
  });
});

describe("PostgreSQL snapshots: faults of the database", () => {
  const postgres = usePostgres();

  it("lose no snapshot that was stored when the database is killed", async () => {
    const { snapshots } = await postgres.open(await postgres.createDatabase());
    let stored: SnapshotVersion | null = null;
    let failures = 0;
    for (let round = 1; round <= 3; round++) {
      for (let n = 0; n < 10; n++) stored = await write(snapshots, round * 10 + n, stored);
      const writing = waitFor(
        async () => {
          try {
            stored = await write(snapshots, 0, stored);
          } catch (error) {
            expect(error).toBeInstanceOf(StorageError);
            failures++;
          }
          return failures >= round;
        },
        { message: "a write has failed" },
      );
      await postgres.service.kill();
      await writing;
      await postgres.service.start();
      // The write that failed may have been made all the same.
      const found = await waitFor(() => snapshots.read("a").catch(() => null), {
        message: "the database answers again",
      });
      if (found.version !== stored) expect(found.update).toEqual(Uint8Array.of(0));
      stored = found.version;
    }
  });

  it("reject every call while it hangs, and work again once it responds", async () => {
    const { snapshots } = await postgres.open(await postgres.createDatabase());
    const version = await snapshots.write("a", Uint8Array.of(1), null);
    postgres.service.pause();
    try {
      const calls = [
        snapshots.read("a"),
        snapshots.write("b", Uint8Array.of(2), null),
        snapshots.delete("c"),
      ];
      await Promise.all(calls.map((call) => expect(call).rejects.toThrow(/did not respond/)));
    } finally {
      postgres.service.resume();
    }
    expect(await snapshots.read("a")).toEqual({ update: Uint8Array.of(1), version });
    await expect(snapshots.write("a", Uint8Array.of(2), null)).rejects.toThrow(
      SnapshotConflictError,
    );
  });
});

function write(
  snapshots: SnapshotStore,
  value: number,
  expected: SnapshotVersion | null,
): Promise<SnapshotVersion> {
  return snapshots.write("a", Uint8Array.of(value), expected);
}

/** Bytes of which no two parts are alike. */
function patterned(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = index * 31 + (index >> 8);
  return bytes;
}
