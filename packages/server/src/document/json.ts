import { toBase64 } from "lib0/buffer";
import * as Y from "yjs";
import { applyUpdates } from "./apply-updates.ts";

// The dashboard shows documents with it, in browsers: it needs nothing but Yjs and lib0.

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | JsonValue[]
  | { [key: string]: JsonValue };

/** A root type of a document. */
export interface RootJson {
  /** What its content shows; Yjs does not store the types of roots. */
  type: "text" | "array" | "map" | "xml" | "empty";
  /** A string for `text` and `xml` (as XML), an array, or an object; `null` when empty. */
  value: JsonValue;
  /** For `text` with formatting or embedded objects: all of it as a Quill delta. */
  delta?: Record<string, JsonValue>[];
}

export interface DocumentJson {
  /** By name. A root that never had content is not there. */
  roots: Record<string, RootJson>;
}

/** Yjs itself and JSON walk what is nested by recursion. */
const MAX_DEPTH = 1_000;

/**
 * A document as JSON. It is not changed by that: its roots stay without a type.
 *
 * The type of a root is inferred from what is there; if nothing is, from what was deleted and is not
 * collected. Content in a list decides before entries with keys, because a text has attributes, which
 * are such entries.
 *
 * What JSON does not have: bytes are `{"$binary": base64}`, big integers `{"$bigint": digits}`, nested
 * documents `{"$document": guid}`; `undefined` and numbers that are not finite are `null`.
 *
 * @throws Error when types are nested deeper than 1,000 levels
 */
export function documentToJson(doc: Y.Doc): DocumentJson {
  const roots = Array.from(doc.share, ([name, root]): [string, RootJson] => [name, toRoot(root)]);
  return { roots: Object.fromEntries(roots) };
}

/**
 * The document that encoded updates are, as JSON in UTF-8.
 *
 * @throws Error as `documentToJson`, or of Yjs when the updates cannot be integrated
 */
export function updatesToJson(updates: readonly Uint8Array[]): Uint8Array {
  // Deleted content may be all that tells the type of a root.
  const doc = new Y.Doc({ gc: false });
  try {
    applyUpdates(doc, updates);
    return new TextEncoder().encode(JSON.stringify(documentToJson(doc)));
  } finally {
    doc.destroy();
  }
}

/** A Yjs type, whichever. */
type AnyType = Pick<Y.Map<unknown>, "_start" | "_map">;
type RootType = RootJson["type"];

function toRoot(root: AnyType): RootJson {
  const type = typeOf(root);
  switch (type) {
    case "text":
      return toText(root);
    case "array":
      return { type, value: toArray(root, 0) };
    case "map":
      return { type, value: toObject(root, 0) };
    case "xml":
      return { type, value: toXml(root) };
    case "empty":
      return { type, value: null };
  }
}

function typeOf(root: AnyType): RootType {
  return typeByContent(root, false) ?? typeByContent(root, true) ?? "empty";
}

/** @param deleted whether to look at what was deleted, or at what is there */
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

/** Which type has such content in its list. What was collected says nothing. */
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

function toText(root: AnyType): RootJson {
  const delta: Record<string, JsonValue>[] = [];
  let attributes: Record<string, JsonValue> = {};
  let text = "";
  let value = "";
  const push = (insert: JsonValue) => {
    delta.push(Object.keys(attributes).length === 0 ? { insert } : { insert, attributes });
  };
  const closeText = () => {
    if (text !== "") push(text);
    value += text;
    text = "";
  };
  for (const content of liveContents(root)) {
    if (content instanceof Y.ContentString) {
      text += content.str;
    } else if (content instanceof Y.ContentFormat) {
      closeText();
      const { [content.key]: _, ...others } = attributes;
      attributes =
        content.value === null
          ? others
          : { ...others, [content.key]: toJson(content.value as unknown, 0) };
    } else {
      closeText();
      for (const embedded of content.getContent()) push(toJson(embedded, 0));
    }
  }
  closeText();
  const isPlain = delta.every(({ insert, attributes }) => {
    return typeof insert === "string" && attributes === undefined;
  });
  return isPlain ? { type: "text", value } : { type: "text", value, delta };
}

function toArray(type: AnyType, depth: number): JsonValue[] {
  const values: JsonValue[] = [];
  for (const content of liveContents(type)) {
    for (const value of content.getContent()) values.push(toJson(value, depth));
  }
  return values;
}

function toObject(type: AnyType, depth: number): JsonValue {
  const entries: [string, JsonValue][] = [];
  for (const [key, { deleted, content }] of type._map) {
    if (!deleted) entries.push([key, toJson(content.getContent().at(-1), depth)]);
  }
  return Object.fromEntries(entries);
}

function toXml(type: AnyType): string {
  let xml = "";
  for (const content of liveContents(type)) {
    if (content instanceof Y.ContentType) xml += content.type.toString();
  }
  return xml;
}

function toJson(value: unknown, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw new Error(`the document is nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value !== "object") return null;
  if (value instanceof Uint8Array) return { $binary: toBase64(value) };
  if (value instanceof Y.Doc) return { $document: value.guid };
  if (value instanceof Y.AbstractType) return typeToJson(value, depth + 1);
  if (Array.isArray(value)) return value.map((one: unknown) => toJson(one, depth + 1));
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, one]) => [key, toJson(one, depth + 1)]));
}

function typeToJson(type: AnyType, depth: number): JsonValue {
  if (type instanceof Y.XmlHook || type instanceof Y.Map) return toObject(type, depth);
  if (type instanceof Y.Array) return toArray(type, depth);
  if (type instanceof Y.XmlFragment || type instanceof Y.XmlText || type instanceof Y.Text) {
    return type.toString();
  }
  return null;
}
