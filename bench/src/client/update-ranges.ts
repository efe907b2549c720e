import { decodeUpdate, Skip } from "yjs";
import type { ByteReader } from "./byte-reader.ts";

/** Called with a run of operations that an update contains: `length` clocks from `clock` on. */
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
 * Visits what the update that `reader` stands at contains. Text and deletions, which is all that the
 * workloads write, are read by hand because this runs for every delivery; anything else is left to Yjs.
 */
export function visitRanges(reader: ByteReader, visit: RangeVisitor): void {
  const { buffer, position: start, end } = reader;
  if (readPlainRanges(reader, visit)) return;
  for (const struct of decodeUpdate(buffer.subarray(start, end)).structs) {
    if (!(struct instanceof Skip)) visit(struct.id.client, struct.id.clock, struct.length);
  }
}

/** Returns false at the first content that is not plain; ranges before it have then been visited. */
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

/** Skips what says where an item belongs: its neighbours, or its parent when it has none. */
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

/** Clocks count UTF-16 units; the workloads write ASCII, where those are the bytes. */
function readTextLength(reader: ByteReader): number {
  const bytes = reader.unsigned();
  reader.skip(bytes);
  return bytes;
}
