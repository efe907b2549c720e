import * as Y from "yjs";
import { applyUpdates } from "../updates/apply-updates.ts";
import { OutputMeter, outputLimit } from "./output-meter.ts";
import type { RootNames, RootTypeName } from "./root-types.ts";
import { typeToString } from "./xml-text.ts";

/**
 * Converts some roots of a document, given as encoded updates, to JSON in UTF-8:
 * `{<name>: {"type": <type>, "content": <result of toJSON()>}}`, as y-websocket-server reports them. Big
 * integers, which JSON lacks, become `{"$bigint": digits}`.
 *
 * @throws TooLargeError if the result exceeds `outputLimit`, or types are nested too deeply
 * @throws Yjs's own error if the updates cannot be integrated
 */
export function rootsToJson(updates: readonly Uint8Array[], roots: RootNames): Uint8Array {
  const doc = new Y.Doc();
  try {
    applyUpdates(doc, updates);
    const limit = outputLimit(updates.reduce((sum, update) => sum + update.length, 0));
    const meter = new OutputMeter(limit);
    const entries = roots.map(([name, type]) => {
      return [name, { type, content: contentOf(rootOf(doc, name, type), meter, 0) }] as const;
    });
    return new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries), replaceBigint));
  } finally {
    doc.destroy();
  }
}

/** Like `toJSON()` of a type, but limited by the meter. */
function contentOf(value: unknown, meter: OutputMeter, depth: number): unknown {
  meter.enter(depth);
  if (value instanceof Y.Array) {
    const values: unknown[] = [];
    for (const one of value) values.push(contentOf(one, meter, depth + 1));
    return values;
  }
  if (value instanceof Y.Map) {
    const entries: [string, unknown][] = [];
    for (const [key, one] of value.entries()) {
      meter.add(key.length);
      entries.push([key, contentOf(one, meter, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }
  if (value instanceof Y.AbstractType) return typeToString(value, meter, depth);
  if (value instanceof Uint8Array) meter.add(value.length * 10);
  else if (typeof value === "string") meter.add(value.length);
  return value;
}

function rootOf(doc: Y.Doc, name: string, type: RootTypeName): unknown {
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
