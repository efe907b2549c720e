import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SnapshotConflictError, StorageError } from "../storage/errors.ts";
import type { SnapshotStore, SnapshotVersion } from "../storage/snapshots.ts";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "./test-storage.ts";

/** The contract that every implementation of the snapshot store must meet. */
export function snapshotsSuite(
  name: string,
  create: () => Promise<TestStorage<SnapshotStore>>,
): void {
  describe(`snapshots: ${name}`, () => {
    const store = useStore(create);

    it("has no snapshot of a room that was never written", async () => {
      expect(await store.current.read("new")).toBeNull();
    });

    it("stores the first snapshot, and returns it with its version, also after reopening", async () => {
      const version = await store.current.write("a", Uint8Array.of(1, 2), null);
      const expected = { update: Uint8Array.of(1, 2), version };
      expect(await store.current.read("a")).toEqual(expected);
      expect(await (await store.reopen()).read("a")).toEqual(expected);
    });

    it("replaces the expected snapshot, and gives it a new version", async () => {
      const first = await store.current.write("a", Uint8Array.of(1), null);
      const second = await store.current.write("a", Uint8Array.of(2), first);
      expect(second).not.toBe(first);
      const reopened = await store.reopen();
      const third = await reopened.write("a", Uint8Array.of(3), second);
      expect(await reopened.read("a")).toEqual({ update: Uint8Array.of(3), version: third });
    });

    it("refuses to replace any snapshot other than the expected one", async () => {
      const first = await store.current.write("a", Uint8Array.of(1), null);
      const second = await store.current.write("a", Uint8Array.of(2), first);
      const other = await store.current.write("b", Uint8Array.of(9), null);
      for (const expected of [null, first, other, "made up" as SnapshotVersion]) {
        const write = store.current.write("a", Uint8Array.of(3), expected);
        await expect(write).rejects.toThrow(SnapshotConflictError);
      }
      expect(await store.current.read("a")).toEqual({ update: Uint8Array.of(2), version: second });
    });

    it("refuses to replace a snapshot that does not exist", async () => {
      const other = await store.current.write("b", Uint8Array.of(9), null);
      const write = store.current.write("a", Uint8Array.of(1), other);
      await expect(write).rejects.toThrow(SnapshotConflictError);
      expect(await store.current.read("a")).toBeNull();
    });

    it("gives different bytes a new version", async () => {
      const first = await store.current.write("a", Uint8Array.of(1), null);
      const second = await store.current.write("a", Uint8Array.of(2), first);
      const write = store.current.write("a", Uint8Array.of(3), first);
      await expect(write).rejects.toThrow(SnapshotConflictError);
      expect((await store.current.read("a"))?.version).toBe(second);
    });

    it("deletes a snapshot, and never reuses its version for other bytes", async () => {
      const first = await store.current.write("a", Uint8Array.of(1), null);
      const kept = await store.current.write("b", Uint8Array.of(5), null);
      await store.current.delete("a");
      await store.current.delete("a");
      await store.current.delete("never there");
      expect(await store.current.read("a")).toBeNull();
      await expect(store.current.write("a", Uint8Array.of(2), first)).rejects.toThrow(
        SnapshotConflictError,
      );
      const second = await store.current.write("a", Uint8Array.of(3), null);
      expect(second).not.toBe(first);
      const reopened = await store.reopen();
      expect((await reopened.read("a"))?.version).toBe(second);
      expect(await reopened.read("b")).toEqual({ update: Uint8Array.of(5), version: kept });
    });

    it("lets exactly one of twenty racing writers create a snapshot", async () => {
      await expectOneWinner(store.current, null);
    });

    it("lets exactly one of twenty racing writers replace a snapshot", async () => {
      await expectOneWinner(store.current, await store.current.write("a", Uint8Array.of(1), null));
    });

    it("loses nothing when racing writers read, merge and try again", async () => {
      const add = async (racer: number): Promise<void> => {
        const current = await store.current.read("a");
        const merged = Uint8Array.of(...(current?.update ?? []), racer);
        try {
          await store.current.write("a", merged, current?.version ?? null);
        } catch (error) {
          if (!(error instanceof SnapshotConflictError)) throw error;
          await add(racer);
        }
      };
      const racers = Array.from({ length: 20 }, (_, index) => index + 1);
      await Promise.all(racers.map(add));
      const { update } = (await store.current.read("a")) ?? { update: [] };
      expect([...update].sort((one, other) => one - other)).toEqual(racers);
    });

    it("stores 20 MB, in shared memory or not, without modifying the caller's bytes", async () => {
      const shared = new Uint8Array(new SharedArrayBuffer(20_000_000));
      for (let index = 0; index < shared.length; index += 1) shared[index] = index * 31;
      const plain = shared.slice().reverse();
      const version = await store.current.write("shared", shared, null);
      await store.current.write("plain", plain, null);
      expect(plain.byteLength).toBe(20_000_000);
      const reopened = await store.reopen();
      const read = await reopened.read("shared");
      expect(read?.version).toBe(version);
      expect(Buffer.compare(read?.update ?? Buffer.of(), shared)).toBe(0);
      const other = await reopened.read("plain");
      expect(Buffer.compare(other?.update ?? Buffer.of(), plain)).toBe(0);
    });

    it("stores a small view of a large buffer without retaining it", async () => {
      const large = new Uint8Array(100_000).fill(9);
      await store.current.write("a", large.subarray(500, 503), null);
      large.fill(0);
      expect((await store.current.read("a"))?.update).toEqual(Uint8Array.of(9, 9, 9));
    });

    it("tells odd room names apart", async () => {
      await Promise.all(
        ODD_ROOM_NAMES.map((room, index) =>
          store.current.write(room, Uint8Array.of(1, index), null),
        ),
      );
      await store.current.delete("a/b");
      const reopened = await store.reopen();
      for (const [index, room] of ODD_ROOM_NAMES.entries()) {
        const expected = room === "a/b" ? undefined : Uint8Array.of(1, index);
        expect((await reopened.read(room))?.update).toEqual(expected);
      }
    });

    it("waits for pending calls when it closes, and rejects later ones", async () => {
      const closed = store.current;
      const begun = closed.write("a", Uint8Array.of(1), null);
      const reopened = await store.reopen();
      const version = await begun;
      const rejections = [
        closed.read("a"),
        closed.write("a", Uint8Array.of(2), version),
        closed.delete("a"),
      ].map((call) => expect(call).rejects.toThrow(StorageError));
      await Promise.all(rejections);
      expect(await reopened.read("a")).toEqual({ update: Uint8Array.of(1), version });
    });

    it("matches a simple model", async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
          run += 1;
          const model = new Map<string, { update: Uint8Array; version: SnapshotVersion }>();
          const stale = new Map<string, SnapshotVersion>();
          for (const step of operations) {
            const room = `${run}/${step.room}`;
            const known = model.get(room);
            if (step.type === "delete") {
              await store.current.delete(room);
              model.delete(room);
            } else if (step.type === "write") {
              const version = await store.current.write(room, step.update, known?.version ?? null);
              if (known !== undefined) stale.set(room, known.version);
              model.set(room, { update: step.update, version });
            } else {
              const expected = known === undefined ? stale.get(room) : null;
              if (expected === undefined) continue;
              const write = store.current.write(room, Uint8Array.of(0), expected);
              await expect(write).rejects.toThrow(SnapshotConflictError);
            }
            expect(await store.current.read(room)).toEqual(model.get(room) ?? null);
          }
        }),
        { numRuns: 60 },
      );
    });
  });
}

const room = fc.constantFrom("a", "b", "b/", "😀");
const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("write" as const),
      room,
      update: fc.uint8Array({ minLength: 1, maxLength: 10_000 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("write that must fail" as const), room }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("delete" as const), room }) },
);

async function expectOneWinner(
  snapshots: SnapshotStore,
  expected: SnapshotVersion | null,
): Promise<void> {
  const racers = Array.from({ length: 20 }, (_, index) => Uint8Array.of(100, index));
  const results = await Promise.allSettled(
    racers.map((update) => snapshots.write("a", update, expected)),
  );
  const winners = results.flatMap((result, index) =>
    result.status === "fulfilled" ? [{ update: racers[index], version: result.value }] : [],
  );
  expect(winners).toHaveLength(1);
  expect(await snapshots.read("a")).toEqual(winners[0]);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toBeInstanceOf(SnapshotConflictError);
  }
}
