import { toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import { applyUpdates } from "../updates/apply-updates.ts";
import { OutputMeter, outputLimit } from "./output-meter.ts";
import { type AnyType, childrenToString, typeToString } from "./xml-text.ts";

// The dashboard uses this module in browsers to show documents: it must need nothing but Yjs and lib0.

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

/** A root type of a document. */
export interface RootJson {
  /** Inferred from its content; Yjs does not store the types of roots. */
  type: "text" | "array" | "map" | "xml" | "empty";
  /** A string for `text` and `xml` (as XML), an array, or an object; `null` when empty. */
  value: JsonValue;
  /** For `text` with formatting or embedded objects: the whole text as a Quill delta. */
  delta?: Record<string, JsonValue>[];
}

export interface DocumentJson {
  /** By name. Roots that never had content are missing. */
  roots: Record<string, RootJson>;
}

/**
 * Converts a document to JSON. The document is not changed: its roots stay untyped.
 *
 * The type of a root is inferred from its content or, if it has none, from deleted content that has not
 * been collected. List content takes precedence over keyed entries, because the attributes of a text
 * are keyed entries.
 *
 * Values that JSON lacks: bytes become `{"$binary": base64}`, big integers `{"$bigint": digits}`, nested
 * documents `{"$document": guid}`; `undefined` and non-finite numbers become `null`.
 *
 * @param limit approximate size limit of the result, in bytes
 * @throws TooLargeError if the result exceeds the limit, or types are nested deeper than 1,000 levels
 */
export function documentToJson(doc: Y.Doc, limit: number = outputLimit(0)): DocumentJson {
  const meter = new OutputMeter(limit);
  const roots = Array.from(doc.share, ([name, root]): [string, RootJson] => {
    meter.add(name.length);
    return [name, toRoot(root, meter)];
  });
  return { roots: Object.fromEntries(roots) };
}

/**
 * Converts a document given as encoded updates to JSON in UTF-8.
 *
 * @throws TooLargeError as `documentToJson`; see `outputLimit`
 * @throws Yjs's own error if the updates cannot be integrated
 */
export function updatesToJson(updates: readonly Uint8Array[]): Uint8Array {
  // Deleted content may be the only clue to the type of a root.
  const doc = new Y.Doc({ gc: false });
  try {
    applyUpdates(doc, updates);
    const limit = outputLimit(updates.reduce((sum, update) => sum + update.length, 0));
    return new TextEncoder().encode(JSON.stringify(documentToJson(doc, limit)));
  } finally {
    doc.destroy();
  }
}

type RootType = RootJson["type"];

function toRoot(root: AnyType, meter: OutputMeter): RootJson {
  const type = typeOf(root);
  switch (type) {
    case "text":
      return toText(root, meter);
    case "array":
      return { type, value: toArray(root, meter, 0) };
    case "map":
      return { type, value: toObject(root, meter, 0) };
    case "xml":
      return { type, value: childrenToString(root, meter, 0) };
    case "empty":
      return { type, value: null };
  }
}

function typeOf(root: AnyType): RootType {
  return typeByContent(root, false) ?? typeByContent(root, true) ?? "empty";
}

/** @param deleted whether to look at deleted content instead of live content */
function typeByContent(root: AnyType, deleted: boolean): RootType | null {
  const found = new Set<RootType>();
  for (const item of itemsOf(root)) {
    if (item.deleted === deleted) found.add(typeByItem(item.content));
  }
  // A text may embed types, and an array may hold XML.
  for (const type of ["text", "array", "xml"] as const) if (found.has(type)) return type;
  for (const item of root._map.values()) if (item.deleted === deleted) return "map";
  return null;
}

/** The type that holds such content in its list. Collected content gives no clue. */
function typeByItem(content: Y.Item["content"]): RootType {
  switch (content.constructor) {
    case Y.ContentString:
    case Y.ContentFormat:
    case Y.ContentEmbed:
      return "text";
    case Y.ContentDeleted:
      return "empty";
  }
  if (!(content instanceof Y.ContentType)) return "array";
  return isXmlNode(content.type) ? "xml" : "array";
}

function isXmlNode(type: unknown): boolean {
  return type instanceof Y.XmlElement || type instanceof Y.XmlText || type instanceof Y.XmlHook;
}

function* itemsOf(type: AnyType): Generator<Y.Item> {
  for (let item = type._start; item !== null; item = item.right) yield item;
}

function* liveContents(type: AnyType): Generator<Y.Item["content"]> {
  for (const item of itemsOf(type)) if (!item.deleted) yield item.content;
}

function toText(root: AnyType, meter: OutputMeter): RootJson {
  const delta: Record<string, JsonValue>[] = [];
  const formats = new Map<string, { value: JsonValue; length: number }>();
  /** Length of all active formats as JSON: each piece of the text repeats them. */
  let formatsLength = 0;
  let text = "";
  let value = "";
  const push = (insert: JsonValue) => {
    meter.add(formatsLength);
    if (formats.size === 0) delta.push({ insert });
    else {
      const attributes = Array.from(formats, ([key, { value }]) => [key, value] as const);
      delta.push({ insert, attributes: Object.fromEntries(attributes) });
    }
  };
  const closeText = () => {
    if (text === "") return;
    meter.add(text.length);
    push(text);
    value += text;
    text = "";
  };
  for (const content of liveContents(root)) {
    if (content instanceof Y.ContentString) {
      text += content.str;
    } else if (content instanceof Y.ContentFormat) {
      closeText();
      const { key } = content;
      formatsLength -= formats.get(key)?.length ?? 0;
      formats.delete(key);
      if (content.value === null) continue;
      const value = toJson(content.value as unknown, meter, 0);
      const length = key.length + JSON.stringify(value).length + 4;
      formats.set(key, { value, length });
      formatsLength += length;
    } else {
      closeText();
      for (const embedded of content.getContent()) push(toJson(embedded, meter, 0));
    }
  }
  closeText();
  const isPlain = delta.every(({ insert, attributes }) => {
    return typeof insert === "string" && attributes === undefined;
  });
  return isPlain ? { type: "text", value } : { type: "text", value, delta };
}

function toArray(type: AnyType, meter: OutputMeter, depth: number): JsonValue[] {
  const values: JsonValue[] = [];
  for (const content of liveContents(type)) {
    for (const value of content.getContent()) values.push(toJson(value, meter, depth));
  }
  return values;
}

function toObject(type: AnyType, meter: OutputMeter, depth: number): JsonValue {
  const entries: [string, JsonValue][] = [];
  for (const [key, { deleted, content }] of type._map) {
    if (deleted) continue;
    meter.add(key.length);
    entries.push([key, toJson(content.getContent().at(-1), meter, depth)]);
  }
  return Object.fromEntries(entries);
}

function toJson(value: unknown, meter: OutputMeter, depth: number): JsonValue {
  meter.enter(depth);
  if (typeof value === "string") {
    meter.add(value.length);
    return value;
  }
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value !== "object") return null;
  if (value instanceof Uint8Array) {
    meter.add(value.length * 2);
    return { $binary: toBase64(value) };
  }
  if (value instanceof Y.Doc) return { $document: value.guid };
  if (value instanceof Y.AbstractType) return typeToJson(value, meter, depth + 1);
  if (Array.isArray(value)) return value.map((one: unknown) => toJson(one, meter, depth + 1));
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([key, one]) => {
      meter.add(key.length);
      return [key, toJson(one, meter, depth + 1)];
    }),
  );
}

function typeToJson(type: AnyType, meter: OutputMeter, depth: number): JsonValue {
  if (type instanceof Y.XmlHook || type instanceof Y.Map) return toObject(type, meter, depth);
  if (type instanceof Y.Array) return toArray(type, meter, depth);
  if (type instanceof Y.XmlFragment || type instanceof Y.XmlText || type instanceof Y.Text) {
    return typeToString(type, meter, depth);
  }
  return null;
}
