import fc from "fast-check";
import { expect, it } from "vitest";
import * as Y from "yjs";
import { unite } from "../../../../examples/migrate/src/document.ts";
import { missingFrom } from "../../../../examples/migrate/src/missing.ts";

/** Applies the edits: a word to insert at a position, or "" to delete there. @returns an update for each */
function edit(doc: Y.Doc, edits: readonly (readonly [number, string])[]): Uint8Array[] {
  const updates: Uint8Array[] = [];
  doc.on("update", (update) => updates.push(update));
  const text = doc.getText("text");
  for (const [position, word] of edits) {
    const at = position % (text.length + 1);
    if (word === "") text.delete(at, Math.min(2, text.length - at));
    else text.insert(at, word);
  }
  return updates;
}

/** The clock of each client, according to Yjs. */
function written(doc: Y.Doc): Map<number, number> {
  return Y.decodeStateVector(Y.encodeStateVector(doc));
}

const someEdits = fc.array(fc.tuple(fc.nat(50), fc.constantFrom("", "a", "word")), {
  maxLength: 30,
});

it("reports exactly what Yjs would add", () => {
  fc.assert(
    fc.property(someEdits, someEdits, fc.nat(100), fc.boolean(), (edits, others, share, gc) => {
      const source = new Y.Doc({ gc });
      const updates = edit(source, edits);
      const server = new Y.Doc({ gc });
      for (const update of updates.slice(0, share)) Y.applyUpdate(server, update);
      edit(server, others);
      const update = Y.encodeStateAsUpdate(source);
      const there = written(server);
      let lacking = 0;
      for (const [client, clock] of written(source)) {
        lacking += Math.max(0, clock - (there.get(client) ?? 0));
      }
      const missing = missingFrom(update, Y.encodeStateAsUpdate(server));
      expect(missing.inserted).toBe(lacking);

      let isNew = false;
      server.once("update", () => {
        isNew = true;
      });
      Y.applyUpdate(server, update);
      expect(missing.inserted + missing.deleted > 0).toBe(isNew);
      expect(missingFrom(update, Y.encodeStateAsUpdate(server))).toEqual({
        inserted: 0,
        deleted: 0,
      });
    }),
  );
});

it("counts structs that depend on missing ones", () => {
  const [first, second, third] = edit(new Y.Doc(), [
    [0, "one"],
    [3, "two"],
    [6, "three"],
  ]) as [Uint8Array, Uint8Array, Uint8Array];
  const withGap = Y.mergeUpdates([first, third]);
  expect(missingFrom(withGap, Y.mergeUpdates([first, second]))).toEqual({
    inserted: 5,
    deleted: 0,
  });
  expect(missingFrom(withGap, unite([third, first]))).toEqual({ inserted: 0, deleted: 0 });
  expect(missingFrom(second, withGap)).toEqual({ inserted: 3, deleted: 0 });
});
