import { describe, expect, it } from "vitest";
import { ODD_ROOM_NAMES, type TestStorage, useStore } from "../../src/conformance/test-storage.ts";
import { StorageError } from "../../src/storage/errors.ts";
import type { Outbox, OutboxClaim } from "../../src/storage/outbox.ts";

/** A realistic time, which does not fit into 32 bits. */
const NOW = Date.UTC(2026, 10, 24, 12);
const LONGEST = 1_000;
const CLAIM_MS = 5_000;

/** An open outbox that a test closes. */
export interface OpenOutbox {
  readonly outbox: Outbox;
  close(): Promise<void>;
}

/**
 * The contract that every implementation of the outbox must meet. Two open instances act as two
 * servers.
 */
export function outboxSuite(name: string, create: () => Promise<TestStorage<OpenOutbox>>): void {
  describe(`outbox: ${name}`, () => {
    const store = useStore(create);

    const mark = (key: string, first: number, due: number) =>
      store.current.outbox.mark("room", [{ key, first, due }], LONGEST);
    const claim = (now: number, limit = 10) =>
      store.current.outbox.claim("room", { by: "a:1", now, until: now + CLAIM_MS, limit });
    const claimOne = async (now: number): Promise<OutboxClaim> => {
      const [one, ...others] = await claim(now);
      expect(others).toEqual([]);
      if (one === undefined) throw new Error(`nothing is due at ${now}`);
      return one;
    };

    it("is initially empty, and accepts an empty list of marks", async () => {
      await store.current.outbox.mark("room", [], LONGEST);
      expect(await claim(NOW)).toEqual([]);
      expect(await store.current.outbox.pending("room")).toEqual({ rows: 0, oldest: null });
    });

    it("keeps a mark across a restart, and hands it out once it is due", async () => {
      await mark("a", NOW, NOW + 100);
      expect(await (await store.reopen()).outbox.pending("room")).toEqual({ rows: 1, oldest: NOW });
      expect(await claim(NOW + 99)).toEqual([]);
      expect(await claimOne(NOW + 100)).toMatchObject({ key: "a", first: NOW, attempts: 1 });
    });

    it("postpones a row until its last mark is due", async () => {
      await mark("a", NOW, NOW + 100);
      await mark("a", NOW + 90, NOW + 190);
      expect(await claim(NOW + 189)).toEqual([]);
      expect(await claimOne(NOW + 190)).toMatchObject({ first: NOW });
    });

    it("does not bring a row forward for a late mark that is due earlier", async () => {
      await mark("a", NOW, NOW + 200);
      await mark("a", NOW - 50, NOW + 50);
      expect(await claim(NOW + 199)).toEqual([]);
      await claimOne(NOW + 200);
    });

    it("does not postpone a row beyond the longest window", async () => {
      for (let at = 0; at < 1_500; at += 100) await mark("a", NOW + at, NOW + at + 300);
      expect(await claim(NOW + LONGEST - 1)).toEqual([]);
      await claimOne(NOW + LONGEST);
    });

    it("gives a row to one claimant until the claim expires, and ignores late claimants", async () => {
      await mark("a", NOW, NOW);
      const first = await claimOne(NOW);
      expect(await claim(NOW + CLAIM_MS - 1)).toEqual([]);
      const second = await claimOne(NOW + CLAIM_MS);
      expect(second).toMatchObject({ key: "a", attempts: 2 });
      // A server that reports back too late changes nothing.
      await store.current.outbox.settle(first);
      await store.current.outbox.postpone(first, NOW);
      expect(await claim(NOW + CLAIM_MS)).toEqual([]);
      await store.current.outbox.settle(second);
      expect(await store.current.outbox.pending("room")).toEqual({ rows: 0, oldest: null });
    });

    it("frees the claims made up to a given time, of one server or of all", async () => {
      const { outbox } = store.current;
      await mark("a", NOW, NOW);
      const [first] = await claim(NOW);
      await mark("b", NOW, NOW);
      const others = { by: "b:1", now: NOW, until: NOW + CLAIM_MS, limit: 10 };
      expect(await outbox.claim("room", others)).toMatchObject([{ key: "b" }]);
      await outbox.free("room", "a:1", NOW - 1);
      expect(await claim(NOW)).toEqual([]);
      await outbox.free("room", "a:1", NOW);
      const second = await claimOne(NOW);
      expect(second).toMatchObject({ key: "a", attempts: 2 });
      if (first !== undefined) await outbox.settle(first);
      expect(await outbox.pending("room")).toMatchObject({ rows: 2 });
      await outbox.free("room", null, NOW);
      expect((await claim(NOW)).map(({ key }) => key).sort()).toEqual(["a", "b"]);
    });

    it("starts a new window for marks made during a delivery", async () => {
      await mark("a", NOW, NOW + 100);
      const first = await claimOne(NOW + 100);
      await mark("a", NOW + 150, NOW + 250);
      await mark("a", NOW + 200, NOW + 300);
      await store.current.outbox.settle(first);
      expect(await claim(NOW + 299)).toEqual([]);
      expect(await claimOne(NOW + 300)).toMatchObject({ first: NOW + 150, attempts: 1 });
    });

    it("keeps the time of the next attempt despite new marks", async () => {
      await mark("a", NOW, NOW + 100);
      const first = await claimOne(NOW + 100);
      await mark("a", NOW + 120, NOW + 220);
      await store.current.outbox.postpone(first, NOW + 5_000);
      await mark("a", NOW + 300, NOW + 400);
      expect(await claim(NOW + 4_999)).toEqual([]);
      const second = await claimOne(NOW + 5_000);
      expect(second.attempts).toBe(2);
      await store.current.outbox.settle(second);
      expect(await claim(NOW + 100_000)).toEqual([]);
    });

    it("counts attempts from 1 again after a delivery", async () => {
      await mark("a", NOW, NOW);
      await store.current.outbox.postpone(await claimOne(NOW), NOW + 10);
      const second = await claimOne(NOW + 10);
      await mark("a", NOW + 20, NOW + 120);
      await store.current.outbox.settle(second);
      expect(await claimOne(NOW + 120)).toMatchObject({ attempts: 1, first: NOW + 20 });
    });

    it("hands out the rows that have waited longest first, up to the limit", async () => {
      for (const [index, key] of ["c", "a", "d", "b"].entries()) {
        await mark(key, NOW + index, NOW + index);
      }
      const keys = async () => (await claim(NOW + 100, 3)).map(({ key }) => key).sort();
      expect(await keys()).toEqual(["a", "c", "d"]);
      expect(await keys()).toEqual(["b"]);
    });

    it("gives each row to exactly one of many concurrent claimants", async () => {
      const keys = Array.from({ length: 200 }, (_, index) => `room-${index}`);
      const marks = keys.map((key) => ({ key, first: NOW, due: NOW }));
      await store.current.outbox.mark("room", marks, LONGEST);
      const all = await Promise.all(Array.from({ length: 40 }, () => claim(NOW, 8)));
      const claimed = [...all.flat(), ...(await claim(NOW, 200))].map(({ key }) => key);
      expect(claimed.sort()).toEqual(keys.sort());
    });

    it("accepts the same marks from many callers concurrently", async () => {
      const keys = Array.from({ length: 1_200 }, (_, index) => `room-${index}`);
      const marks = (order: readonly string[]) =>
        order.map((key) => ({ key, first: NOW, due: NOW + 1 }));
      const backwards = keys.toReversed();
      await Promise.all(
        [keys, backwards, keys, backwards].map((order) =>
          store.current.outbox.mark("room", marks(order), LONGEST),
        ),
      );
      expect(await store.current.outbox.pending("room")).toEqual({ rows: 1_200, oldest: NOW });
    });

    it("distinguishes odd room names", async () => {
      await store.current.outbox.mark(
        "room",
        ODD_ROOM_NAMES.map((key) => ({ key, first: NOW, due: NOW })),
        LONGEST,
      );
      const claims = await (await store.reopen()).outbox.claim("room", {
        by: "a:1",
        now: NOW,
        until: NOW + 1,
        limit: 1_000,
      });
      expect(claims.map(({ key }) => key).sort()).toEqual([...ODD_ROOM_NAMES].sort());
    });

    it("rejects calls after it is closed", async () => {
      const { outbox } = store.current;
      await outbox.pending("room");
      await store.reopen();
      const late = outbox.mark("room", [{ key: "a", first: NOW, due: NOW }], LONGEST);
      await expect(late).rejects.toThrow(StorageError);
      await expect(
        outbox.claim("room", { by: "a:1", now: NOW, until: NOW, limit: 1 }),
      ).rejects.toThrow(StorageError);
    });
  });
}
