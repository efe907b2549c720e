import * as Y from "yjs";
import { applyUpdates } from "./apply-updates.ts";
import type { RootNames, RootTypeName } from "./root-types.ts";

/**
 * Some roots of the document that encoded updates are, as JSON in UTF-8:
 * `{<name>: {"type": <type>, "content": <what toJSON() gives>}}`, as y-websocket-server tells them. Big
 * integers, which JSON does not have, are `{"$bigint": digits}`.
 *
 * @throws Error of Yjs when the updates cannot be integrated, or types are nested too deep
 */
export function rootsToJson(updates: readonly Uint8Array[], roots: RootNames): Uint8Array {
  const doc = new Y.Doc();
  try {
    applyUpdates(doc, updates);
    const entries = roots.map(([name, type]) => {
      const content: unknown = rootOf(doc, name, type).toJSON();
      return [name, { type, content }] as const;
    });
    return new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries), replaceBigint));
  } finally {
    doc.destroy();
  }
}

function rootOf(doc: Y.Doc, name: string, type: RootTypeName): { toJSON(): unknown } {
  switch (type) {
    case "Array":
      return doc.getArray(name);
    case "Map":
      return doc.getMap(name);
    case "Text":
      return doc.getText(name);
    case "XmlFragment":
      return doc.getXmlFragment(name);
    case "XmlElement":
      return doc.getXmlElement(name);
  }
}

function replaceBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? { $bigint: String(value) } : value;
}
