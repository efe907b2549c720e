import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { decodeStateVector } from "../../src/protocol/state-vector.ts";
import { inspectUpdate } from "../../src/protocol/update.ts";
import { makeBase } from "../../src/room/log/base.ts";
import { DurableContent } from "../../src/room/log/durable-content.ts";
import { RangeSet } from "../../src/room/log/range-set.ts";
import { type Deletion, encodeDeletes, type Run, updateOf } from "../support/made-updates.ts";

const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };
const numRuns = Number(process.env.RUNS ?? 300);

const clients = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(2 ** 32 - 1, 2 ** 40));
const deletion: fc.Arbitrary<Deletion> = fc.record({
  client: clients,
  from: fc.oneof(fc.nat(20), fc.nat(400)),
  length: fc.oneof(fc.nat(3), fc.nat(60)),
});
const run: fc.Arbitrary<Run> = fc.record({
  client: clients,
  from: fc.oneof(fc.constant(0), fc.nat(20)),
  length: fc.integer({ min: 1, max: 20 }),
});
const update = fc
  .record({
    runs: fc.uniqueArray(run, { selector: ({ client }) => client, maxLength: 40 }),
    deletes: fc.array(deletion, { maxLength: 60 }),
  })
  .map(({ runs, deletes }) => updateOf(runs, deletes));

/** A reference implementation with sets of individual clocks. */
class Model {
  readonly clocks: Map<number, number> = new Map();
  readonly deleted: Set<string> = new Set();

  add(bytes: Uint8Array): void {
    const { runs } = inspectUpdate(bytes);
    for (let i = 0; i + 2 < runs.length; i += 3) {
      const [client, from, to] = [runs[i] ?? 0, runs[i + 1] ?? 0, runs[i + 2] ?? 0];
      const known = this.clocks.get(client) ?? 0;
      if (from <= known && to > known) this.clocks.set(client, to);
    }
    for (const one of deletedBy(bytes)) this.deleted.add(one);
  }

  includes(bytes: Uint8Array): boolean {
    const { runs } = inspectUpdate(bytes);
    for (let i = 0; i + 2 < runs.length; i += 3) {
      if ((runs[i + 2] ?? 0) > (this.clocks.get(runs[i] ?? 0) ?? 0)) return false;
    }
    return deletedBy(bytes).every((one) => this.deleted.has(one));
  }
}

function deletedBy(bytes: Uint8Array): string[] {
  return [...Y.decodeUpdate(bytes).ds.clients].flatMap(([client, ranges]) =>
    ranges.flatMap(({ clock, len }) =>
      Array.from({ length: len }, (_, i) => `${client}:${clock + i}`),
    ),
  );
}

describe("durable content", () => {
  it("is known exactly, for a base and for the updates that follow it", () => {
    fc.assert(
      fc.property(
        fc.array(update, { minLength: 1, maxLength: 3 }),
        fc.array(update, { maxLength: 5 }),
        fc.array(update, { maxLength: 10 }),
        (inBase, inTail, asked) => {
          const base = makeBase(inBase, "merge");
          const content = new DurableContent(base);
          const model = new Model();
          model.add(base.update);
          for (const one of inTail) {
            content.add(one, inspectUpdate(one));
            model.add(one);
          }
          for (const one of [...asked, ...inTail, ...inBase]) {
            expect(content.includes(one, inspectUpdate(one))).toBe(model.includes(one));
          }
          expect(decodeStateVector(content.vector)).toEqual(model.clocks);
          const ids = [...decodeStateVector(content.vector).keys()];
          expect(ids).toEqual(ids.toSorted((a, b) => b - a));
        },
      ),
      { numRuns, ...seed },
    );
  });

  it("keeps updates that arrive while a base is made, even after a failed compaction", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(update, fc.constantFrom("none", "fails", "is made")), { maxLength: 24 }),
        (steps) => {
          let content = new DurableContent(makeBase([updateOf([], [])], "merge"));
          const model = new Model();
          const all: Uint8Array[] = [];
          for (const [one, compaction] of steps) {
            const taken = [...all];
            const rebase = compaction === "none" ? null : content.mark();
            content.add(one, inspectUpdate(one));
            model.add(one);
            all.push(one);
            if (rebase !== null && compaction === "is made") {
              const base = makeBase([updateOf([], []), ...taken], "merge");
              content = rebase(base);
              // After merging, the content that filled a gap is present.
              for (const [client, clock] of decodeStateVector(base.stateVector)) {
                model.clocks.set(client, Math.max(clock, model.clocks.get(client) ?? 0));
              }
            }
          }
          for (const one of all) {
            const contents = inspectUpdate(one);
            if (model.includes(one)) expect(content.includes(one, contents)).toBe(true);
            else expect(content.hasStructs(contents)).toBe(false);
          }
        },
      ),
      { numRuns, ...seed },
    );
  });

  it("tracks ranges in whatever order they arrive", () => {
    const ranges = fc.array(fc.tuple(fc.nat(3_000), fc.integer({ min: 1, max: 12 })), {
      minLength: 1,
      maxLength: 1_500,
      size: "max",
    });
    fc.assert(
      fc.property(ranges, (all) => {
        const set = new RangeSet();
        const model = new Uint8Array(3_100);
        for (const [from, length] of all) {
          set.add(from, from + length);
          model.fill(1, from, from + length);
        }
        for (let clock = 0; clock < model.length; clock++) {
          const end = model.indexOf(0, clock);
          if (set.endAt(clock) !== end) expect([clock, set.endAt(clock)]).toEqual([clock, end]);
        }
      }),
      { numRuns: Math.max(20, numRuns / 10), ...seed },
    );
  });

  it("is looked up in time for the size of the query, not of the document", () => {
    const runs = Array.from({ length: 100_000 }, (_, i) => ({
      client: 7 * i + 7,
      from: 0,
      length: 2,
    }));
    const deletes = runs.map(({ client }) => ({ client, from: 0, length: 1 }));
    const content = new DurableContent(makeBase([updateOf(runs, deletes)], "merge"));
    const known = encodeDeletes([{ client: 7, from: 0, length: 1 }]);
    const contents = inspectUpdate(known);
    const began = process.cpuUsage();
    let clock = 0;
    for (let i = 0; i < 2_000; i++) {
      expect(content.includes(known, contents)).toBe(true);
      const written = updateOf([{ client: 1, from: clock, length: 1 }], []);
      content.add(written, inspectUpdate(written));
      clock++;
      if (i % 20 === 0) expect(content.vector.length).toBeGreaterThan(300_000);
    }
    // One such lookup took 60 ms when it read everything.
    expect(process.cpuUsage(began).user).toBeLessThan(3_000_000);
  });

  it("does not record too many deletions, and reports itself as partial", () => {
    const content = new DurableContent(makeBase([updateOf([], [])], "merge"));
    const deletes = Array.from({ length: 10_000 }, (_, i) => ({
      client: 1,
      from: 2 * i,
      length: 1,
    }));
    const many = encodeDeletes(deletes);
    expect(content.isPartial).toBe(false);
    content.add(many, inspectUpdate(many));
    expect(content.isPartial).toBe(true);
    expect(content.includes(many, inspectUpdate(many))).toBe(false);
  });

  it("covers updates of thousands of clients, whatever precedes and follows them", () => {
    const content = new DurableContent(makeBase([updateOf([], [])], "merge"));
    const clients = Array.from({ length: 5_000 }, (_, i) => 3 * i + 3);
    const wide = (from: number) =>
      updateOf(
        clients.map((client) => ({ client, from, length: 1 })),
        [],
      );
    const single = (client: number, from: number) => updateOf([{ client, from, length: 1 }], []);
    const add = (update: Uint8Array) => content.add(update, inspectUpdate(update));
    const knows = (update: Uint8Array) => content.includes(update, inspectUpdate(update));
    for (const update of [wide(0), wide(2), single(9, 1), single(12, 3)]) add(update);
    expect(knows(wide(0))).toBe(true);
    expect(knows(wide(2))).toBe(false);
    expect([3, 4, 9, 12, 15_000].map((client) => content.clockOf(client))).toEqual([1, 0, 3, 1, 1]);
    const rebase = content.mark();
    add(wide(1));
    expect(knows(wide(1))).toBe(true);
    const taken = [updateOf([], []), wide(0), wide(2), single(9, 1)];
    const rebased = rebase?.(makeBase(taken, "merge"));
    expect([3, 9, 15_000].map((client) => rebased?.clockOf(client))).toEqual([2, 3, 2]);
    for (let clock = 3; clock < 20; clock++) add(wide(clock));
    expect(content.isPartial).toBe(true);
  });

  it("treats a range that alternates between base and tail too often as new", () => {
    const even = Array.from({ length: 4_000 }, (_, i) => ({ client: 1, from: 2 * i, length: 1 }));
    const odd = even.map((one) => ({ ...one, from: one.from + 1 }));
    const content = new DurableContent(makeBase([encodeDeletes(even)], "merge"));
    const added = encodeDeletes(odd);
    content.add(added, inspectUpdate(added));
    const asked = (length: number) => encodeDeletes([{ client: 1, from: 0, length }]);
    expect(content.includes(asked(100), inspectUpdate(asked(100)))).toBe(true);
    expect(content.includes(asked(8_000), inspectUpdate(asked(8_000)))).toBe(false);
  });
});
