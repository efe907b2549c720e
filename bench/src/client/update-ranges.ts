import { decodeUpdate, Skip } from "yjs";
import type { ByteReader } from "./byte-reader.ts";

/** Receives one run of operations in an update: `length` clocks, starting at `clock`. */
export type RangeVisitor = (client: number, clock: number, length: number) => void;

const CONTENT = 0x1f;
const GC = 0;
const DELETED = 1;
const STRING = 4;
const SKIP = 10;
const HAS_ORIGIN = 0x80;
const HAS_RIGHT_ORIGIN = 0x40;
const HAS_PARENT_KEY = 0x20;

/**
 * Visits the content of the update at the position of `reader`. Text and deletions, which is all
 * that the workloads write, are parsed here because this runs for every delivery; Yjs parses
 * anything else.
 */
export function visitRanges(reader: ByteReader, visit: RangeVisitor): void {
  const { buffer, position: start, end } = reader;
  if (readPlainRanges(reader, visit)) return;
  for (const struct of decodeUpdate(buffer.subarray(start, end)).structs) {
    if (!(struct instanceof Skip)) visit(struct.id.client, struct.id.clock, struct.length);
  }
}

/** Returns false at the first content of another kind; the ranges before it have been visited. */
function readPlainRanges(reader: ByteReader, visit: RangeVisitor): boolean {
  for (let authors = reader.unsigned(); authors > 0; authors--) {
    let structs = reader.unsigned();
    const client = reader.unsigned();
    let clock = reader.unsigned();
    for (; structs > 0; structs--) {
      const info = reader.byte();
      const content = info & CONTENT;
      if (content !== GC && content !== SKIP) skipPlace(reader, info);
      let length: number;
      if (content === GC || content === SKIP || content === DELETED) length = reader.unsigned();
      else if (content === STRING) length = readTextLength(reader);
      else return false;
      if (content !== SKIP) visit(client, clock, length);
      clock += length;
    }
  }
  return true;
}

/** Skips an item's position: its neighbours, or its parent if it has none. */
function skipPlace(reader: ByteReader, info: number): void {
  if ((info & HAS_ORIGIN) !== 0) skipId(reader);
  if ((info & HAS_RIGHT_ORIGIN) !== 0) skipId(reader);
  if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) !== 0) return;
  const parentIsRoot = reader.unsigned() === 1;
  if (parentIsRoot) reader.skip(reader.unsigned());
  else skipId(reader);
  if ((info & HAS_PARENT_KEY) !== 0) reader.skip(reader.unsigned());
}

function skipId(reader: ByteReader): void {
  reader.unsigned();
  reader.unsigned();
}

/** Clocks count UTF-16 units; the workloads write ASCII, where one unit is one byte. */
function readTextLength(reader: ByteReader): number {
  const bytes = reader.unsigned();
  reader.skip(bytes);
  return bytes;
}
