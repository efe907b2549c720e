import fc from "fast-check";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { makeBase } from "../../src/room/log/base.ts";
import { applyUpdates } from "../../src/room/updates/apply-updates.ts";

/** Returns the updates of a user who types one character at a time and sometimes deletes one. */
function typed(keystrokes: number): Uint8Array[] {
  const updates: Uint8Array[] = [];
  const doc = new Y.Doc();
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const text = doc.getText("text");
  for (let i = 0; i < keystrokes; i++) {
    if (i % 6 === 5) text.delete(text.length - 2, 1);
    else text.insert(text.length, String.fromCharCode(97 + (i % 26)));
  }
  return updates;
}

function contentOf(doc: Y.Doc) {
  return { text: doc.getText("text").toString(), state: Y.encodeStateAsUpdate(doc) };
}

it("produces the same document as Yjs does one by one, in any order and with gaps", () => {
  const updates = typed(60);
  const order = fc.shuffledSubarray(updates);
  fc.assert(
    fc.property(order, (chosen) => {
      const [doc, expected] = [new Y.Doc(), new Y.Doc()];
      applyUpdates(doc, chosen);
      for (const update of chosen) Y.applyUpdate(expected, update);
      expect(contentOf(doc).text).toEqual(contentOf(expected).text);
      for (const one of [doc, expected]) applyUpdates(one, updates);
      expect(contentOf(doc)).toEqual(contentOf(expected));
    }),
  );
});

it("applies tens of thousands of updates that depend on a missing one", () => {
  const [missing = new Uint8Array(), ...rest] = typed(24_000);
  const base = makeBase(rest, "collect");
  const doc = new Y.Doc();
  Y.applyUpdate(doc, base.update);
  expect(doc.getText("text").length).toBe(0);
  Y.applyUpdate(doc, missing);
  const complete = new Y.Doc();
  applyUpdates(complete, [missing, ...rest]);
  expect(doc.getText("text").toString()).toBe(complete.getText("text").toString());
  expect(doc.getText("text").length).toBe(16_000);
}, 60_000);
