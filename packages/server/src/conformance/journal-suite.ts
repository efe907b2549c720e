import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StorageError } from "../storage/errors.ts";
import type { Journal, JournalId } from "../storage/journal.ts";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "./test-storage.ts";

/** The contract that every implementation of the journal must meet. */
export function journalSuite(name: string, create: () => Promise<TestStorage<Journal>>): void {
  describe(`journal: ${name}`, () => {
    const store = useStore(create);

    it("returns nothing for a room that was never written", async () => {
      expect(await store.current.read("new")).toEqual({ rows: [], snapshotted: false });
    });

    it("returns one id per row, in the order of the rows", async () => {
      const ids = await store.current.append([
        { room: "a", update: Uint8Array.of(1) },
        { room: "b", update: Uint8Array.of(2) },
        { room: "a", update: Uint8Array.of(3) },
      ]);
      expect(ids).toHaveLength(3);
      expect(ids.every((id) => Number.isSafeInteger(id) && id > 0)).toBe(true);
      expect(await store.current.read("a")).toEqual({
        rows: [
          { id: ids[0], update: Uint8Array.of(1) },
          { id: ids[2], update: Uint8Array.of(3) },
        ],
        snapshotted: false,
      });
      expect((await store.current.read("b")).rows).toEqual([
        { id: ids[1], update: Uint8Array.of(2) },
      ]);
    });

    it("accepts an empty append", async () => {
      expect(await store.current.append([])).toEqual([]);
    });

    it("keeps the order of a room across many appends and many rooms, and after reopening", async () => {
      const rooms = Array.from({ length: 300 }, (_, index) => `room-${index}`);
      for (let round = 1; round <= 5; round += 1) {
        await store.current.append(
          rooms.flatMap((room) => [
            { room, update: Uint8Array.of(round, 1) },
            { room, update: Uint8Array.of(round, 2) },
          ]),
        );
      }
      const journal = await store.reopen();
      const expected = [1, 2, 3, 4, 5].flatMap((round) => [
        [round, 1],
        [round, 2],
      ]);
      for (const room of rooms) expect(await contents(journal, room)).toEqual(expected);
    });

    it("never exposes part of an append", async () => {
      const rows = Array.from({ length: 500 }, () => ({ room: "a", update: new Uint8Array(100) }));
      const appending = store.current.append(rows);
      const counts = await Promise.all(
        Array.from({ length: 20 }, async () => (await store.current.read("a")).rows.length),
      );
      await appending;
      expect(counts.filter((count) => count !== 0 && count !== 500)).toEqual([]);
    });

    it("accepts concurrent appends", async () => {
      const appended = await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          store.current.append([
            { room: "a", update: Uint8Array.of(index, 1) },
            { room: "a", update: Uint8Array.of(index, 2) },
          ]),
        ),
      );
      const { rows } = await store.current.read("a");
      const position = new Map(rows.map((row, index) => [row.id, index]));
      expect(rows).toHaveLength(200);
      for (const [first = 0, second = 0] of appended) {
        expect(position.get(first)).toBeLessThan(position.get(second) ?? -1);
      }
    });

    it("stores a row again when it is appended twice", async () => {
      const row = { room: "a", update: Uint8Array.of(1, 2, 3) };
      const [first] = await store.current.append([row]);
      const [second] = await store.current.append([row]);
      expect(second).not.toBe(first);
      expect(await contents(store.current, "a")).toEqual([
        [1, 2, 3],
        [1, 2, 3],
      ]);
    });

    it("neither modifies nor retains the caller's bytes", async () => {
      const large = new Uint8Array(100_000).fill(9);
      const view = large.subarray(500, 503);
      const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7).subarray(2, 5);
      // `slice` does not copy if it is called on a Buffer.
      const buffer = Buffer.from([5, 5, 5]);
      await store.current.append([
        { room: "a", update: view },
        { room: "a", update: shared },
        { room: "a", update: buffer },
      ]);
      expect(large.byteLength).toBe(100_000);
      expect(view).toEqual(Uint8Array.of(9, 9, 9));
      large.fill(0);
      shared.fill(0);
      buffer.fill(0);
      expect(await contents(store.current, "a")).toEqual([
        [9, 9, 9],
        [7, 7, 7],
        [5, 5, 5],
      ]);
    });

    it("stores a large update", async () => {
      const update = new Uint8Array(5_000_000).map((_, index) => index * 31);
      await store.current.append([{ room: "a", update }]);
      const { rows } = await (await store.reopen()).read("a");
      expect(Buffer.compare(rows[0]?.update ?? Buffer.of(), update)).toBe(0);
    });

    it("tells odd room names apart", async () => {
      await store.current.append(
        ODD_ROOM_NAMES.map((room, index) => ({ room, update: Uint8Array.of(1, index) })),
      );
      await store.current.truncate("a/b", []);
      const journal = await store.reopen();
      for (const [index, room] of ODD_ROOM_NAMES.entries()) {
        expect(await contents(journal, room)).toEqual([[1, index]]);
        expect((await journal.read(room)).snapshotted).toBe(room === "a/b");
      }
    });

    it("truncates only the given rows of the room, and records its snapshot", async () => {
      const [first = 0, second = 0, other = 0] = await store.current.append([
        { room: "a", update: Uint8Array.of(1) },
        { room: "a", update: Uint8Array.of(2) },
        { room: "b", update: Uint8Array.of(3) },
      ]);
      await store.current.truncate("a", [first, other]);
      await store.current.truncate("a", [first]);
      const journal = await store.reopen();
      expect(await journal.read("a")).toEqual({
        rows: [{ id: second, update: Uint8Array.of(2) }],
        snapshotted: true,
      });
      expect(await journal.read("b")).toEqual({
        rows: [{ id: other, update: Uint8Array.of(3) }],
        snapshotted: false,
      });
    });

    it("records the snapshot even if there is nothing to truncate", async () => {
      await store.current.truncate("a", []);
      await store.current.truncate("b", [999_999]);
      const journal = await store.reopen();
      expect(await journal.read("a")).toEqual({ rows: [], snapshotted: true });
      expect(await journal.read("b")).toEqual({ rows: [], snapshotted: true });
    });

    it("forgets a room, and no other", async () => {
      await store.current.append([
        { room: "a", update: Uint8Array.of(1) },
        { room: "b", update: Uint8Array.of(2) },
      ]);
      await store.current.truncate("a", []);
      await store.current.truncate("b", []);
      await store.current.forget("a");
      await store.current.forget("never there");
      const journal = await store.reopen();
      expect(await journal.read("a")).toEqual({ rows: [], snapshotted: false });
      expect(await contents(journal, "b")).toEqual([[2]]);
      expect((await journal.read("b")).snapshotted).toBe(true);
    });

    it("never reuses an id", async () => {
      const seen = new Set<JournalId>();
      const use = async (journal: Journal) => {
        const [one = 0, two = 0] = await journal.append([
          { room: "a", update: Uint8Array.of(1) },
          { room: "b", update: Uint8Array.of(1) },
        ]);
        expect(seen.has(one) || seen.has(two) || one === two).toBe(false);
        seen.add(one).add(two);
        await journal.truncate("a", [one]);
        await journal.forget("b");
      };
      for (let round = 0; round < 3; round += 1) {
        await use(store.current);
        await use(store.current);
        await use(await store.reopen());
      }
      expect(seen.size).toBe(18);
    });

    it("waits for pending calls when it closes, and rejects later ones", async () => {
      const journal = store.current;
      const begun = journal.append([{ room: "a", update: Uint8Array.of(1) }]);
      const reopened = await store.reopen();
      const ids = await begun;
      const row = { room: "a", update: Uint8Array.of(2) };
      await expect(journal.append([row])).rejects.toThrow(StorageError);
      await expect(journal.read("a")).rejects.toThrow(StorageError);
      await expect(journal.truncate("a", ids)).rejects.toThrow(StorageError);
      await expect(journal.forget("a")).rejects.toThrow(StorageError);
      expect(await contents(reopened, "a")).toEqual([[1]]);
    });

    it("matches a simple model", async () => {
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 25 }), async (operations) => {
          run += 1;
          const model = new Map<string, ModelRoom>();
          for (const step of operations) await apply(step, store, model, `${run}/`);
          for (const [room, { rows, snapshotted }] of model) {
            expect(await store.current.read(room)).toEqual({ rows, snapshotted });
          }
        }),
        { numRuns: 40 },
      );
    });
  });
}

interface ModelRoom {
  rows: { id: JournalId; update: Uint8Array }[];
  snapshotted: boolean;
}

type Operation =
  | { type: "append"; rows: { room: string; update: Uint8Array }[] }
  | { type: "truncate"; room: string; keepEvery: number }
  | { type: "forget"; room: string }
  | { type: "reopen" };

const room = fc.constantFrom("a", "b", "b/", "😀");
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("append" as const),
      rows: fc.array(fc.record({ room, update: fc.uint8Array({ minLength: 1, maxLength: 300 }) }), {
        maxLength: 8,
      }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("truncate" as const),
      room,
      keepEvery: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("forget" as const), room }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("reopen" as const) }) },
);

async function apply(
  step: Operation,
  store: { readonly current: Journal; reopen(): Promise<Journal> },
  model: Map<string, ModelRoom>,
  prefix: string,
): Promise<void> {
  const modelRoom = (name: string): ModelRoom => {
    const known = model.get(prefix + name) ?? { rows: [], snapshotted: false };
    model.set(prefix + name, known);
    return known;
  };
  switch (step.type) {
    case "append": {
      const rows = step.rows.map((row) => ({ ...row, room: prefix + row.room }));
      const ids = await store.current.append(rows);
      for (const [index, row] of step.rows.entries()) {
        modelRoom(row.room).rows.push({ id: ids[index] ?? 0, update: row.update });
      }
      return;
    }
    case "truncate": {
      const known = modelRoom(step.room);
      const gone = known.rows.filter((_, index) => index % step.keepEvery !== 1);
      await store.current.truncate(
        prefix + step.room,
        gone.map((row) => row.id),
      );
      known.rows = known.rows.filter((row) => !gone.includes(row));
      known.snapshotted = true;
      return;
    }
    case "forget":
      await store.current.forget(prefix + step.room);
      model.set(prefix + step.room, { rows: [], snapshotted: false });
      return;
    case "reopen":
      await store.reopen();
  }
}

async function contents(journal: Journal, name: string): Promise<number[][]> {
  return (await journal.read(name)).rows.map((row) => [...row.update]);
}
