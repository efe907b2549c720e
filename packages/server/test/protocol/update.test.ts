import * as Y14 from "@y/y";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../src/protocol/malformed-error.ts";
import { stateVectorOf } from "../../src/protocol/state-vector.ts";
import { inspectUpdate, isEmpty } from "../../src/protocol/update.ts";

/** Returns updates with every kind of content that Yjs 13 supports. */
function updatesOfEveryKind(): Uint8Array[] {
  const updates: Uint8Array[] = [];
  const doc = new Y.Doc();
  doc.clientID = 7;
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const text = doc.getText("text");
  text.insert(0, "plain, ümläut, 漢字, 👩‍👩‍👧");
  text.format(2, 5, { bold: true, link: { href: "https://example.org" } });
  text.insertEmbed(3, { image: "x.png" });
  text.delete(1, 4);
  const map = doc.getMap("map");
  map.set("any", { a: [1, -5, 1.5, null, true, false, "s", 2 ** 40, { deep: [] }] });
  map.set("undefined", undefined);
  map.set("bytes", new Uint8Array([1, 2, 3]));
  map.set("bigint", 12n);
  map.set("nested", new Y.Map());
  map.set("document", new Y.Doc({ guid: "sub", meta: { a: 1 } }));
  map.delete("any");
  const array = doc.getArray("array");
  array.push([1, 2, 3, new Y.Text("in"), new Y.Array()]);
  const xml = doc.getXmlFragment("xml");
  const element = new Y.XmlElement("p");
  xml.insert(0, [element, new Y.XmlText("t")]);
  map.set("hook", new Y.XmlHook("hook"));
  element.setAttribute("class", "c");
  const other = new Y.Doc();
  other.clientID = 3;
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.getText("text").insert(0, "from another");
  const state = Y.encodeStateAsUpdate(other);
  updates.push(state, Y.mergeUpdates([updates[0] ?? state, updates.at(-1) ?? state, state]));
  // With a gap, which becomes a skip.
  const [first, , third] = updates;
  if (first !== undefined && third !== undefined) updates.push(Y.mergeUpdates([first, third]));
  return updates;
}

/** Decodes an update with Yjs into the same facts as `inspectUpdate`. */
function decodedByYjs(update: Uint8Array): { runs: number[]; hasDeletes: boolean } {
  const { structs, ds } = Y.decodeUpdate(update);
  const runs: number[] = [];
  for (const struct of structs) {
    if (struct.constructor === Y.Skip) continue;
    const { client, clock } = struct.id;
    const last = runs.length - 3;
    if (runs[last] === client && runs[last + 2] === clock) runs[last + 2] = clock + struct.length;
    else runs.push(client, clock, clock + struct.length);
  }
  return { runs, hasDeletes: [...ds.clients.values()].some((ranges) => ranges.length > 0) };
}

describe("inspectUpdate", () => {
  it.each(updatesOfEveryKind().map((update, i) => [i, update] as const))(
    "agrees with Yjs on update %i",
    (_, update) => {
      const contents = inspectUpdate(update);
      expect({ runs: contents.runs, hasDeletes: contents.hasDeletes }).toEqual(
        decodedByYjs(update),
      );
      expect(stateVectorOf(contents.runs)).toEqual(
        Y.decodeStateVector(Y.encodeStateVectorFromUpdate(update)),
      );
      const deletesOnly = new Uint8Array([0, ...update.subarray(contents.deletesAt)]);
      expect(Y.decodeUpdate(deletesOnly).ds).toEqual(Y.decodeUpdate(update).ds);
    },
  );

  it("accepts the updates of Yjs 14", () => {
    const doc = new Y14.Doc();
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    doc.get("text").insert(0, "hello");
    doc.get("text").delete(1, 2);
    doc.get("map").setAttr("key", { a: [1, "x"] });
    expect(updates.length).toBeGreaterThan(2);
    for (const update of [...updates, Y14.encodeStateAsUpdate(doc)]) {
      expect(isEmpty(inspectUpdate(update))).toBe(false);
    }
  });

  it("either rejects a corrupted update as malformed or agrees with Yjs on it", () => {
    const samples = updatesOfEveryKind();
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.option(fc.nat()),
        (which, flips, cut) => {
          const update = new Uint8Array(samples[which % samples.length] ?? [0, 0]);
          for (const [at, value] of flips) update[at % update.length] = value;
          const mutated = cut === null ? update : update.subarray(0, cut % update.length);
          let contents: ReturnType<typeof inspectUpdate>;
          try {
            contents = inspectUpdate(mutated);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedError);
            return;
          }
          const decoded = decodedByYjs(mutated);
          expect({ runs: contents.runs, hasDeletes: contents.hasDeletes }).toEqual(decoded);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ["empty input", []],
    ["a client count without clients", [5]],
    ["an absurd count of structs", [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0]],
    ["a number above 2^53", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["an empty struct", [1, 1, 1, 0, 0, 0, 0]],
    ["clients in ascending order", [2, 1, 1, 0, 0, 1, 1, 2, 0, 0, 1, 0]],
    ["invalid UTF-8", [1, 1, 1, 0, 4, 1, 1, 116, 2, 0xc3, 0x28, 0]],
    ["unknown content", [1, 1, 1, 0, 11, 1, 1, 116, 0, 0]],
  ])("refuses %s", (_, bytes) => {
    expect(() => inspectUpdate(Uint8Array.from(bytes))).toThrow(MalformedError);
  });

  it("refuses concatenated updates, and updates in format V2", () => {
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "hello");
    doc.getMap("map").set("key", new Y.Array());
    doc.getText("text").delete(0, 1);
    const update = Y.encodeStateAsUpdate(doc);
    for (const other of [...updatesOfEveryKind(), Uint8Array.of(0)]) {
      const both = Buffer.concat([update, other]);
      expect(() => inspectUpdate(both)).toThrow(/bytes follow the update; send one/);
    }
    for (const one of [doc, new Y.Doc()]) {
      expect(() => inspectUpdate(Y.encodeStateAsUpdateV2(one))).toThrow(/format V2/);
    }
    for (const one of updatesOfEveryKind()) {
      expect(() => inspectUpdate(Y.convertUpdateFormatV1ToV2(one))).toThrow(MalformedError);
    }
  });

  it("refuses values nested deeper than clients can decode", () => {
    const deep = [1, 1, 1, 0, 8, 1, 1, 116, 1, ...Array(10_000).fill([117, 1]).flat(), 126, 0];
    expect(() => inspectUpdate(Uint8Array.from(deep))).toThrow(/nested deeper/);
  });
});
