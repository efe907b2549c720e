import fc from "fast-check";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { mergeUpdates } from "../../src/room/updates/merge-updates.ts";

/** Returns the updates of two users who type one character at a time. */
function written(keystrokes: number): Uint8Array[] {
  const updates: Uint8Array[] = [];
  const docs = [new Y.Doc(), new Y.Doc()];
  for (const doc of docs) doc.on("update", (update: Uint8Array) => updates.push(update));
  for (let i = 0; i < keystrokes; i++) {
    const text = docs[i % 2]?.getText("text");
    if (i % 5 === 4) text?.delete(i % text.length, 1);
    else text?.insert((i * 7) % (text.length + 1), String.fromCharCode(97 + (i % 26)));
  }
  return updates;
}

function read(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

it("merges any number of updates, in any order, with duplicates and gaps", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 2_000 }).chain((keystrokes) =>
        fc.record({
          keystrokes: fc.constant(keystrokes),
          order: fc.array(fc.nat({ max: keystrokes }), { maxLength: 1_000, size: "max" }),
        }),
      ),
      ({ keystrokes, order }) => {
        const all = written(keystrokes + 1);
        const chosen = [...order, 0].flatMap((at) => all[at] ?? []);
        const [merged, single] = [read([mergeUpdates(chosen)]), read(chosen)];
        expect(merged.getText("text").toString()).toBe(single.getText("text").toString());
        expect(Y.encodeStateVector(merged)).toEqual(Y.encodeStateVector(single));
        // Updates with missing dependencies are pending in both.
        for (const doc of [merged, single]) Y.applyUpdate(doc, Y.mergeUpdates(all));
        expect(merged.getText("text").toString()).toBe(single.getText("text").toString());
      },
    ),
    { numRuns: 30 },
  );
});
