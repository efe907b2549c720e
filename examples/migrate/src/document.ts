import * as Y from "yjs";

/**
 * The updates of a document as one, in the form in which Yjs writes it today. Nothing is dropped,
 * also not what was deleted.
 *
 * @throws Error when one of them is not an update
 */
export function unite(updates: readonly Uint8Array[]): Uint8Array {
  const doc = new Y.Doc({ gc: false });
  try {
    updates.forEach((update, index) => {
      const which = updates.length === 1 ? "it" : `part ${index + 1} of ${updates.length}`;
      if (update.length === 0) throw new Error(`${which} is empty, which no Yjs update is`);
      try {
        Y.applyUpdate(doc, update);
      } catch (cause) {
        throw new Error(`${which} is not a Yjs update: ${messageOf(cause)}`, { cause });
      }
    });
    return Y.encodeStateAsUpdate(doc);
  } finally {
    doc.destroy();
  }
}

/** Whether an update changes nothing: no room has to exist for it. */
export function isEmpty(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
