import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { decodeStateVector } from "../../src/protocol/state-vector.ts";
import { inspectUpdate } from "../../src/protocol/update.ts";
import {
  FAST_PART_BYTES,
  FIRST_PARTS,
  MAX_PART_BYTES,
  splitUpdate,
} from "../../src/room/updates/split-update.ts";

/** Small enough to split small documents into many parts. */
const SMALL_PART = 300;
const NOTHING = new Map<number, number>();

const author = fc.nat({ max: 2 });
const place = fc.nat({ max: 1_000 });
const words = fc.string({
  unit: fc.constantFrom("a", "ß", "語", "😀", "𝄞"),
  minLength: 1,
  maxLength: 200,
});
const json = fc.jsonValue({ maxDepth: 2 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("type" as const), author, place, words }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), author, place }) },
  fc.record({ do: fc.constant("format" as const), author, place }),
  fc.record({ do: fc.constant("embed" as const), author, place }),
  fc.record({ do: fc.constant("set" as const), author, place, value: json }),
  fc.record({
    do: fc.constant("push" as const),
    author,
    values: fc.array(json, { maxLength: 60 }),
  }),
  fc.record({ do: fc.constant("nest" as const), author, place }),
  fc.record({ do: fc.constant("element" as const), author, place, words }),
  fc.record({ do: fc.constant("bytes" as const), author, size: fc.nat({ max: 700 }) }),
  fc.record({ do: fc.constant("subdocument" as const), author, place }),
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("exchange" as const), from: author, to: author }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Returns the updates of several users, who may have seen each other's. */
function write(steps: readonly Step[], gc: boolean): Uint8Array[] {
  const updates: Uint8Array[] = [];
  const docs = [5, 900, 70_000].map((clientID) => {
    const doc = new Y.Doc({ gc });
    doc.clientID = clientID;
    doc.on("update", (update: Uint8Array, origin) => {
      if (origin !== "other") updates.push(update);
    });
    return doc;
  });
  const at = (index: number) => docs[index] as Y.Doc;
  for (const one of steps) {
    if (one.do === "exchange") {
      Y.applyUpdate(at(one.to), Y.encodeStateAsUpdate(at(one.from)), "other");
    } else {
      act(at(one.author), one);
    }
  }
  return updates;
}

function act(doc: Y.Doc, one: Exclude<Step, { do: "exchange" }>): void {
  const text = doc.getText("text");
  const map = doc.getMap<unknown>("map");
  const list = doc.getArray<unknown>("list");
  const page = doc.getXmlFragment("page");
  switch (one.do) {
    case "type":
      text.insert(one.place % (text.length + 1), one.words);
      return;
    case "delete": {
      const from = one.place % (text.length + 1);
      text.delete(from, Math.min(text.length - from, one.place));
      if (list.length > 0) list.delete(one.place % list.length, 1);
      if (page.length > 1) page.delete(one.place % page.length, 1);
      return;
    }
    case "format":
      if (text.length > 1)
        text.format(one.place % (text.length - 1), 1, { bold: one.place % 2 === 0 });
      return;
    case "embed":
      text.insertEmbed(one.place % (text.length + 1), { image: "x".repeat(one.place % 50) });
      return;
    case "set":
      map.set(`key-${one.place % 5}`, one.value);
      return;
    case "push":
      list.push(one.values);
      return;
    case "nest": {
      const inner = new Y.Map<unknown>();
      map.set(`nested-${one.place % 3}`, inner);
      inner.set("text", new Y.Text("inside"));
      return;
    }
    case "element": {
      const element = new Y.XmlElement("p");
      element.setAttribute("id", String(one.place));
      element.insert(0, [new Y.XmlText(one.words)]);
      page.insert(one.place % (page.length + 1), [element]);
      return;
    }
    case "bytes":
      list.push([new Uint8Array(one.size)]);
      return;
    case "subdocument":
      map.set(`document-${one.place % 2}`, new Y.Doc({ guid: `guid-${one.place}` }));
  }
}

function contentOf(doc: Y.Doc) {
  return {
    text: doc.getText("text").toDelta(),
    map: Object.keys(doc.getMap("map").toJSON()).sort(),
    values: Object.entries(doc.getMap("map").toJSON())
      .filter(([key]) => key.startsWith("key"))
      .sort(([a], [b]) => a.localeCompare(b)),
    list: doc.getArray("list").toJSON(),
    page: doc.getXmlFragment("page").toString(),
    vector: [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b),
    deletes: Y.createDeleteSetFromStructStore(doc.store).clients,
  };
}

function isWaiting({ store }: Y.Doc): boolean {
  return store.pendingStructs !== null || store.pendingDs !== null;
}

/** Returns how many structs an update has, and the first of them. */
function structsOf(update: Uint8Array) {
  const { structs } = Y.decodeUpdate(update);
  return { count: structs.length, first: structs[0] };
}

const documents = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 120, size: "max" }),
  gc: fc.boolean(),
});

describe("the parts of an update", () => {
  it("are small, can each be integrated on arrival, and add up to the same document", () => {
    fc.assert(
      fc.property(documents, fc.boolean(), ({ steps, gc }, compacted) => {
        const updates = write(steps, gc);
        if (updates.length === 0) return;
        const merged = Y.mergeUpdates(updates);
        const whole = new Y.Doc({ gc });
        Y.applyUpdate(whole, merged);
        const update = compacted ? Y.encodeStateAsUpdate(whole) : merged;
        const doc = new Y.Doc({ gc });
        for (const part of splitUpdate(update, NOTHING, SMALL_PART)) {
          inspectUpdate(part);
          Y.applyUpdate(doc, part);
          expect(isWaiting(doc)).toBe(false);
          if (part.length > SMALL_PART) {
            const { count, first } = structsOf(part);
            expect(count).toBe(1);
            expect(first?.length).toBe(1);
          }
        }
        expect(contentOf(doc)).toEqual(contentOf(whole));
      }),
      { numRuns: 120 },
    );
  });

  it("complete the document of a client that has some of them", () => {
    fc.assert(
      fc.property(documents, fc.nat(), ({ steps, gc }, had) => {
        const updates = write(steps, gc);
        if (updates.length === 0) return;
        const merged = Y.mergeUpdates(updates);
        const whole = new Y.Doc({ gc });
        Y.applyUpdate(whole, merged);
        const parts = splitUpdate(merged, NOTHING, SMALL_PART);
        const doc = new Y.Doc({ gc });
        const read = had % parts.length;
        for (const part of parts.slice(0, read)) Y.applyUpdate(doc, part);
        const vector = Y.encodeStateVector(doc);
        const difference = Y.diffUpdate(merged, vector);
        const left = parts.slice(read).reduce((sum, part) => sum + part.length, 0);
        const deletes = difference.length - inspectUpdate(difference).deletesAt;
        expect(difference.length).toBeLessThanOrEqual(left + deletes);
        for (const part of splitUpdate(difference, decodeStateVector(vector), SMALL_PART)) {
          Y.applyUpdate(doc, part);
          expect(isWaiting(doc)).toBe(false);
        }
        expect(contentOf(doc)).toEqual(contentOf(whole));
      }),
      { numRuns: 80 },
    );
  });

  it("lose nothing when an update is missing or when they build on what a client has", () => {
    fc.assert(
      fc.property(documents, fc.nat(), fc.boolean(), ({ steps, gc }, dropped, alone) => {
        const updates = write(steps, gc);
        const missing = updates[dropped % Math.max(1, updates.length)];
        const rest = updates.filter((update) => update !== missing);
        if (missing === undefined || rest.length === 0) return;
        const update = Y.mergeUpdates(rest);
        const [doc, expected] = [new Y.Doc({ gc }), new Y.Doc({ gc })];
        if (!alone) for (const one of [doc, expected]) Y.applyUpdate(one, missing);
        Y.applyUpdate(expected, update);
        for (const part of splitUpdate(update, alone ? NOTHING : null, SMALL_PART)) {
          inspectUpdate(part);
          Y.applyUpdate(doc, part);
        }
        expect(contentOf(doc)).toEqual(contentOf(expected));
        if (alone) for (const one of [doc, expected]) Y.applyUpdate(one, missing);
        expect(contentOf(doc)).toEqual(contentOf(expected));
      }),
      { numRuns: 120 },
    );
  });

  it("do not split characters of a long text, nor hold more than 64 KB of it", () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "a😀語ß".repeat(150_000));
    const update = Y.encodeStateAsUpdate(doc);
    const parts = splitUpdate(update, NOTHING);
    const copy = new Y.Doc();
    for (const part of parts) {
      expect(part.length).toBeLessThanOrEqual(MAX_PART_BYTES);
      Y.applyUpdate(copy, part);
    }
    expect(parts.length).toBeLessThan(40);
    expect(copy.getText("text").toString()).toBe(doc.getText("text").toString());
    expect(Y.encodeStateAsUpdate(copy)).toEqual(update);
  });

  it("are larger for fast clients, except for the first ones", () => {
    const doc = new Y.Doc();
    for (let i = 0; i < 30; i++) doc.getText("text").insert(i, "a😀語ß".repeat(10_000));
    const update = Y.encodeStateAsUpdate(doc);
    const slow = splitUpdate(update, NOTHING);
    const fast = splitUpdate(update, NOTHING, MAX_PART_BYTES, FAST_PART_BYTES);
    expect(fast.slice(0, FIRST_PARTS)).toEqual(slow.slice(0, FIRST_PARTS));
    expect(fast.length).toBeLessThan(FIRST_PARTS + 11);
    const copy = new Y.Doc();
    for (const part of fast) Y.applyUpdate(copy, part);
    expect(copy.getText("text").toString()).toBe(doc.getText("text").toString());
  });

  it("keep an element together with its content", () => {
    const doc = new Y.Doc();
    doc.transact(() => {
      for (let i = 0; i < 4_000; i++) {
        const quote = new Y.XmlElement("blockquote");
        const paragraph = new Y.XmlElement("paragraph");
        paragraph.insert(0, [new Y.XmlText(`paragraph ${i} of this document`)]);
        quote.insert(0, [paragraph]);
        doc.getXmlFragment("page").push([quote]);
      }
    });
    const parts = splitUpdate(Y.encodeStateAsUpdate(doc), NOTHING);
    expect(parts.length).toBeGreaterThan(2);
    const copy = new Y.Doc();
    for (const part of parts) {
      Y.applyUpdate(copy, part);
      expect(copy.getXmlFragment("page").toString()).not.toMatch(/<(\w+)><\/\1>/);
    }
  });
});
