import * as Y from "yjs";
import type { OutputMeter } from "./output-meter.ts";

/** Any Yjs type. */
export type AnyType = Pick<Y.Map<unknown>, "_start" | "_map">;

/** Like `toString()` of a Yjs type, but limited by the meter. @throws TooLargeError */
export function typeToString(type: unknown, meter: OutputMeter, depth: number): string {
  meter.enter(depth);
  if (type instanceof Y.XmlElement) return elementToString(type, meter, depth);
  if (type instanceof Y.XmlText) return formattedToString(type, meter, depth);
  if (type instanceof Y.XmlFragment) return childrenToString(type, meter, depth);
  const text = String(type);
  meter.add(text.length);
  return text;
}

/** The elements and texts in a type, concatenated. */
export function childrenToString(type: AnyType, meter: OutputMeter, depth: number): string {
  let xml = "";
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted || !item.countable) continue;
    for (const value of item.content.getContent()) xml += typeToString(value, meter, depth + 1);
  }
  return xml;
}

function elementToString(element: Y.XmlElement, meter: OutputMeter, depth: number): string {
  const name = element.nodeName.toLocaleLowerCase();
  meter.add(2 * name.length + "<></>".length);
  let attributes = "";
  for (const key of [...element._map.keys()].sort()) {
    const item = element._map.get(key);
    if (item === undefined || item.deleted) continue;
    const value = typeToString(item.content.getContent().at(-1), meter, depth + 1);
    meter.add(key.length);
    attributes += ` ${key}="${value}"`;
  }
  return `<${name}${attributes}>${childrenToString(element, meter, depth)}</${name}>`;
}

/** A text with its formats as elements around each piece of it. */
function formattedToString(type: AnyType, meter: OutputMeter, depth: number): string {
  const formats = new Map<string, string>();
  let formatsLength = 0;
  let xml = "";
  let piece = "";
  const close = () => {
    if (piece === "") return;
    // Count before building it.
    meter.add(formatsLength + piece.length);
    const open = [...formats.keys()].sort();
    const tags = open.map((key) => formats.get(key)).join("");
    const ends = open.reverse().map((key) => `</${key}>`);
    xml += `${tags}${piece}${ends.join("")}`;
    piece = "";
  };
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted) continue;
    const { content } = item;
    if (content instanceof Y.ContentString) {
      piece += content.str;
    } else if (content instanceof Y.ContentFormat) {
      close();
      const { key } = content;
      const before = formats.get(key);
      if (before !== undefined) formatsLength -= before.length + key.length + 3;
      formats.delete(key);
      if (content.value === null) continue;
      const tag = openingTag(key, content.value, meter);
      formats.set(key, tag);
      formatsLength += tag.length + key.length + 3;
    } else if (item.countable) {
      close();
      for (const value of content.getContent()) {
        piece = typeToString(value, meter, depth + 1);
        close();
      }
    }
  }
  close();
  return xml;
}

function openingTag(key: string, value: unknown, meter: OutputMeter): string {
  const attributes = Object.entries(Object(value) as object).sort(([a], [b]) => (a < b ? -1 : 1));
  const tag = `<${key}${attributes.map(([name, one]) => ` ${name}="${one}"`).join("")}>`;
  meter.add(tag.length);
  return tag;
}
