import * as Y from "yjs";

/** An encoded document with this text in the root type `text`. */
export function documentOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}
