import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { documentSchema } from "../../src/http/api/schemas.ts";
import { TooLargeError } from "../../src/protocol/too-large-error.ts";
import {
  type DocumentJson,
  documentToJson,
  updatesToJson,
} from "../../src/room/json/document-json.ts";
import { rootsToJson } from "../../src/room/json/roots-json.ts";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { formatsUpdate, nestedUpdate } from "../support/expensive-documents.ts";

const workers = new UpdateWorkers();
afterAll(() => workers.close());

/** Returns the roots as JSON, produced from nothing but the updates of the document. */
function shown(doc: Y.Doc): DocumentJson["roots"] {
  const bytes = updatesToJson([Y.encodeStateAsUpdate(doc)]);
  const json: DocumentJson = JSON.parse(new TextDecoder().decode(bytes));
  expect(documentSchema.safeParse(json).success).toBe(true);
  return json.roots;
}

function docWith(fill: (doc: Y.Doc) => void, gc = true): Y.Doc {
  const doc = new Y.Doc({ gc });
  fill(doc);
  return doc;
}

const at = fc.nat({ max: 20 });
const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 5 });
// Yjs loses this key when it decodes an update.
const value = fc
  .jsonValue({ maxDepth: 2 })
  .filter((value) => !JSON.stringify(value).includes('"__proto__":'));
const action = fc.record({
  root: fc.constantFrom("text", "array", "map", "xml"),
  do: fc.constantFrom("add", "add", "add", "nest", "format", "remove"),
  at,
  length: at,
  text,
  value,
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

function perform(doc: Y.Doc, { root, do: name, at, length, text, value }: Action): void {
  const roots = {
    text: doc.getText("text"),
    array: doc.getArray("array"),
    map: doc.getMap("map"),
    xml: doc.getXmlFragment("xml"),
  };
  const list = roots[root as "text"];
  const index = at % (list.length + 1);
  if (name === "remove") {
    if (root === "map") roots.map.delete(`key${at % 3}`);
    else list.delete(index, Math.min(length, list.length - index));
    return;
  }
  switch (root) {
    case "text":
      if (name === "nest") roots.text.insertEmbed(index, { image: text });
      else if (name === "format")
        roots.text.format(index, Math.min(length, list.length - index), {
          bold: at % 2 === 0 ? true : null,
        });
      else roots.text.insert(index, text);
      break;
    case "array":
      roots.array.insert(index, [name === "nest" ? new Y.Map([[text, value]]) : value]);
      break;
    case "map":
      roots.map.set(`key${at % 3}`, name === "nest" ? Y.Array.from([{ value }]) : value);
      break;
    case "xml": {
      const element = new Y.XmlElement("p");
      element.setAttribute("title", text);
      element.insert(0, [new Y.XmlText(text)]);
      roots.xml.insert(index, [name === "nest" ? element : new Y.XmlText(text)]);
      break;
    }
  }
}

/** The JSON that Yjs itself produces. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

describe("a document as JSON", () => {
  it("has the types and values of its roots after any sequence of edits", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), fc.boolean(), (actions, gc) => {
        const doc = docWith((doc) => {
          for (const one of actions) perform(doc, one);
        }, gc);
        const roots = shown(doc);
        // Types that the live document has already assigned make no difference.
        expect(plain(documentToJson(doc).roots)).toEqual(expect.objectContaining(roots));
        const delta = doc.getText("text").toDelta();
        const written = doc.getText("text").toString();
        if (delta.length > 0) {
          const isPlain = delta.every(
            (op: object) =>
              !("attributes" in op) && "insert" in op && typeof op.insert === "string",
          );
          expect(roots.text).toEqual(
            isPlain
              ? { type: "text", value: written }
              : { type: "text", value: written, delta: plain(delta) },
          );
        } else {
          // Remaining formatting reveals its type; otherwise that depends on what was collected.
          expect([undefined, "", null]).toContain(roots.text?.value);
          expect([undefined, "text", "empty"]).toContain(roots.text?.type);
        }
        const array = doc.getArray("array");
        if (array.length > 0)
          expect(roots.array).toEqual({ type: "array", value: plain(array.toJSON()) });
        const map = doc.getMap("map");
        if (map.size > 0) expect(roots.map).toEqual({ type: "map", value: plain(map.toJSON()) });
        const xml = doc.getXmlFragment("xml");
        if (xml.length > 0) expect(roots.xml).toEqual({ type: "xml", value: xml.toString() });
      }),
      { numRuns: 500 },
    );
  });

  it.each<[string, (doc: Y.Doc) => void, DocumentJson["roots"]]>([
    ["an empty document", () => {}, {}],
    [
      "a map whose keys were deleted",
      (doc) => {
        doc.getMap("r").set("a", 1);
        doc.getMap("r").delete("a");
      },
      { r: { type: "map", value: {} } },
    ],
    [
      "a text that was emptied and collected",
      (doc) => {
        doc.getText("r").insert(0, "a");
        doc.getText("r").delete(0, 1);
      },
      { r: { type: "empty", value: null } },
    ],
    [
      "a text with attributes of its own",
      (doc) => {
        doc.getText("r").insert(0, "a");
        doc.getText("r").setAttribute("lang", "en");
      },
      { r: { type: "text", value: "a" } },
    ],
    [
      "a text that embeds a type",
      (doc) => {
        doc.getText("r").insert(0, "a");
        doc.getText("r").insertEmbed(1, new Y.Map([["k", 1]]));
      },
      {
        r: { type: "text", value: "a", delta: [{ insert: "a" }, { insert: { k: 1 } }] },
      },
    ],
    [
      "an array of types",
      (doc) => doc.getArray("r").insert(0, [new Y.Text("a"), Y.Array.from([1])]),
      { r: { type: "array", value: ["a", [1]] } },
    ],
    [
      "an array of XML and other values",
      (doc) => doc.getArray("r").insert(0, [new Y.XmlElement("p"), 1]),
      { r: { type: "array", value: ["<p></p>", 1] } },
    ],
    [
      "a root that is an XML element",
      (doc) => {
        const root = doc.get("r", Y.XmlElement) as Y.XmlElement;
        root.setAttribute("title", "t");
        root.insert(0, [new Y.XmlText("a")]);
      },
      { r: { type: "xml", value: "a" } },
    ],
    [
      "values that JSON does not have",
      (doc) => {
        const values = [new Uint8Array([1, 2, 255]), 2n ** 60n, undefined, Number.NaN, -1 / 0];
        doc.getArray("r").insert(0, [new Uint8Array([1, 2, 255]), Number.NaN, { values }]);
        doc.getMap("d").set("sub", new Y.Doc({ guid: "guid" }));
      },
      {
        r: {
          type: "array",
          value: [
            { $binary: "AQL/" },
            null,
            {
              values: [{ $binary: "AQL/" }, { $bigint: "1152921504606846976" }, null, null, null],
            },
          ],
        },
        d: { type: "map", value: { sub: { $document: "guid" } } },
      },
    ],
    [
      "names with a special meaning in JavaScript",
      (doc) => {
        doc.getMap("__proto__").set("__proto__", "a");
        doc.getText("constructor").insert(0, "b", { __proto__x: 1 });
      },
      JSON.parse(
        '{"__proto__":{"type":"map","value":{"__proto__":"a"}},' +
          '"constructor":{"type":"text","value":"b","delta":[{"insert":"b","attributes":{"__proto__x":1}}]}}',
      ),
    ],
  ])("shows %s", (_, fill, expected) => {
    const roots = Object.entries(shown(docWith(fill)));
    expect(new Map(roots)).toEqual(new Map(Object.entries(expected)));
  });

  it("infers types from deleted content that has not been garbage-collected", () => {
    const roots = shown(
      docWith((doc) => {
        doc.getText("t").insert(0, "a");
        doc.getText("t").delete(0, 1);
        doc.getArray("a").insert(0, [1]);
        doc.getArray("a").delete(0, 1);
        doc.getXmlFragment("x").insert(0, [new Y.XmlText("a")]);
        doc.getXmlFragment("x").delete(0, 1);
      }, false),
    );
    expect(roots).toEqual({
      t: { type: "text", value: "" },
      a: { type: "array", value: [] },
      x: { type: "xml", value: "" },
    });
  });

  it("leaves the types of the document's roots open", () => {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(docWith((d) => d.getText("r").insert(0, "a"))));
    documentToJson(doc);
    expect(() => doc.getArray("r")).not.toThrow();
  });

  it("is made in a worker, which survives a document that is nested too deeply", async () => {
    const deep = docWith((doc) => {
      let inner = doc.getMap<unknown>("r");
      for (let i = 0; i < 1_500; i++) {
        const next = new Y.Map<unknown>();
        inner.set("in", next);
        inner = next;
      }
    });
    const fine = docWith((doc) => doc.getText("r").insert(0, "fine"));
    const failing = workers.run("room", "toJson", [Y.encodeStateAsUpdate(deep)]);
    await expect(failing).rejects.toThrow(TooLargeError);
    await expect(failing).rejects.toThrow("the document is nested deeper than 1000 levels");
    const updates = [Y.encodeStateAsUpdate(fine), Y.encodeStateAsUpdate(fine)];
    const bytes = await workers.run("room", "toJson", updates);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
      roots: { r: { type: "text", value: "fine" } },
    });
  });
});

describe("a small document whose JSON is very large", () => {
  it.each([
    ["a text", formatsUpdate(6_000, false)],
    ["an XML text", formatsUpdate(6_000, true)],
    ["deeply nested XML", nestedUpdate(20_000)],
  ])("is refused before it uses memory: %s", async (name, update) => {
    const shown = workers.run("room", "toJson", [update]);
    await expect(shown).rejects.toThrow(TooLargeError);
    if (name === "a text") return;
    const told = workers.run("room", "rootsToJson", [update], [["x", "XmlFragment"]]);
    await expect(told).rejects.toThrow(TooLargeError);
  });
});

describe("XML", () => {
  const formats = fc.dictionary(
    fc.constantFrom("b", "i", "a"),
    fc.oneof(fc.boolean(), fc.constant(null), fc.record({ href: fc.string() }), fc.string()),
    { maxKeys: 3 },
  );
  const piece = fc.record({
    text: fc.string({ minLength: 1, maxLength: 5 }),
    formats,
    at: fc.nat(20),
    length: fc.nat(10),
  });

  it("is serialized as in Yjs, whatever its formatting", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const doc = docWith((doc) => {
          const text = new Y.XmlText();
          const element = new Y.XmlElement("P");
          element.setAttribute("class", "wide");
          doc.getXmlFragment("x").insert(0, [element, text]);
          element.insert(0, [new Y.XmlText("inside")]);
          for (const { text: written, formats, at, length } of pieces) {
            text.insert(Math.min(at, text.length), written, formats);
            text.format(Math.min(at, text.length), Math.min(length, text.length - at), formats);
          }
          text.insertEmbed(0, { image: "x" });
        });
        const told = rootsToJson([Y.encodeStateAsUpdate(doc)], [["x", "XmlFragment"]]);
        expect(JSON.parse(new TextDecoder().decode(told))).toEqual({
          x: { type: "XmlFragment", content: doc.getXmlFragment("x").toString() },
        });
      }),
    );
  });
});
