import fc from "fast-check";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { ByteReader } from "../src/client/byte-reader.ts";
import { visitRanges } from "../src/client/update-ranges.ts";
import {
  CHARACTERS_PER_UPDATE,
  clientIdOf,
  encodeStateVector,
  encodeTyped,
  encodeUpdate,
  TEXT_ROOT,
} from "../src/workload/author.ts";
import { holdsSample, sampleDocument } from "../src/workload/sample-document.ts";

/** Every clock that an update contains, as `client:clock`. */
function clocksOf(update: Uint8Array): string[] {
  const reader = new ByteReader();
  reader.reset(Buffer.from(update), 0, update.length);
  const clocks: string[] = [];
  visitRanges(reader, (client, clock, length) => {
    for (let offset = 0; offset < length; offset++) clocks.push(`${client}:${clock + offset}`);
  });
  return [...new Set(clocks)].sort();
}

function clocksByYjs(update: Uint8Array): string[] {
  return Y.decodeUpdate(update)
    .structs.filter((struct) => !(struct instanceof Y.Skip))
    .flatMap(({ id, length }) =>
      Array.from({ length }, (_, offset) => `${id.client}:${id.clock + offset}`),
    )
    .sort();
}

test("visitRanges finds the same ranges in real documents as Yjs", () => {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const text = doc.getText("text");
  text.insert(0, "hello world");
  text.insert(5, ",");
  text.delete(2, 4);
  text.format(0, 3, { bold: true });
  doc.getMap("map").set("key", { deep: [1, 2, 3] });
  doc.getMap("map").set("nested", new Y.Map([["a", 1]]));
  doc.getArray("list").push([1, "two", new Uint8Array([3])]);
  for (const update of [...updates, Y.mergeUpdates(updates), Y.encodeStateAsUpdate(doc)]) {
    expect(clocksOf(update)).toEqual(clocksByYjs(update));
  }
  const withGap = Y.mergeUpdates([updates[0], updates[2]].filter((update) => update !== undefined));
  expect(clocksOf(withGap)).toEqual(clocksByYjs(withGap));
});

test("member updates form a valid document in any interleaving and when merged", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }), (writers) => {
      const counts = new Map<number, number>();
      const updates = writers.map((member) => {
        const number = counts.get(member) ?? 0;
        counts.set(member, number + 1);
        return encodeUpdate(member, number);
      });
      const doc = new Y.Doc();
      for (const update of updates) Y.applyUpdate(doc, update);
      expect(doc.store.pendingStructs).toBeNull();
      expect(doc.getText(TEXT_ROOT).length).toBe(writers.length * CHARACTERS_PER_UPDATE);
      for (const [member, count] of counts) {
        const clock = Y.getState(doc.store, clientIdOf(member));
        expect(clock).toBe(count * CHARACTERS_PER_UPDATE);
      }
      if (updates.length === 0) return;
      const merged = Y.mergeUpdates(updates);
      expect(clocksOf(merged)).toEqual(clocksByYjs(merged));
    }),
  );
});

test("one update with all typing equals the updates applied one by one", () => {
  const typed = [
    { member: 0, from: 0, to: 3 },
    { member: 2, from: 0, to: 1 },
    { member: 1, from: 0, to: 5 },
  ];
  const single = new Y.Doc();
  for (const { member, to } of typed) {
    for (let number = 0; number < to; number++) Y.applyUpdate(single, encodeUpdate(member, number));
  }
  const state = Y.encodeStateAsUpdate(single);
  const whole = new Y.Doc();
  Y.applyUpdate(whole, encodeTyped(typed));
  expect(Y.encodeStateAsUpdate(whole)).toEqual(state);
  expect(Y.decodeStateVector(encodeStateVector(typed))).toEqual(
    Y.decodeStateVector(Y.encodeStateVector(single)),
  );
  const joined = new Y.Doc();
  Y.applyUpdate(joined, encodeTyped(typed.map((part) => ({ ...part, to: 1 }))));
  const rest = typed.filter(({ to }) => to > 1).map((part) => ({ ...part, from: 1 }));
  Y.applyUpdate(joined, encodeTyped(rest));
  expect(Y.encodeStateAsUpdate(joined)).toEqual(state);
});

test("the sample document has the requested size and does not shrink in a Y.Doc", () => {
  const sample = sampleDocument(600_000);
  expect(sample.updates.length).toBeGreaterThan(1);
  expect(Math.abs(sample.encodedBytes - 600_000)).toBeLessThan(12_000);
  const doc = new Y.Doc();
  for (const update of sample.updates) Y.applyUpdate(doc, update);
  expect(Y.getState(doc.store, sample.client)).toBe(sample.clocks);
  const state = Buffer.from(Y.encodeStateAsUpdate(doc));
  expect(state.length).toBeGreaterThan(sample.encodedBytes * 0.98);
  expect(holdsSample([state], sample)).toBe(true);
});

test("a sample document with a gap is detected", () => {
  const sample = sampleDocument(600_000);
  const all = sample.updates.map((update) => Buffer.from(update));
  expect(holdsSample(all.toReversed(), sample)).toBe(true);
  for (const missing of all) {
    expect(
      holdsSample(
        all.filter((update) => update !== missing),
        sample,
      ),
    ).toBe(false);
  }
});
