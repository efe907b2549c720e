import {
  Content,
  HAS_ORIGIN,
  HAS_RIGHT_ORIGIN,
  type StructReader,
} from "../../protocol/struct-reader.ts";
import { putVarUint, varUintLength } from "../../protocol/var-uint.ts";

/** A position inside the content of a struct at which it can be cut. */
export interface CutPoint {
  /** Clock units before this point. */
  readonly units: number;
  /** Where the rest of the struct begins in the update. */
  readonly at: number;
}

/** Whether a struct with this content consists of elements and can be cut between any two of them. */
export function isCuttable(content: number): boolean {
  return content === Content.string || content === Content.any || content === Content.json;
}

/** Where the elements of a cuttable struct begin. */
export function contentStart(reader: StructReader): CutPoint {
  return { units: 0, at: reader.numberAt(reader.contentAt).end };
}

/**
 * The last cut point within `room` bytes after `from`, but at least one element further. Text is only cut
 * between characters: Yjs replaces both halves of a surrogate pair that is cut.
 *
 * @returns the end of the struct if that comes first
 */
export function cutAfter(
  update: Uint8Array,
  reader: StructReader,
  from: CutPoint,
  room: number,
): CutPoint {
  let { units, at } = from;
  if (reader.content !== Content.string) {
    while (at < reader.end) {
      const next = reader.elementEnd(at);
      if (next - from.at > room && units > from.units) break;
      at = next;
      units++;
    }
    return { units, at };
  }
  const last = Math.min(reader.end, from.at + Math.max(room, 4));
  while (at < last) {
    const byte = update[at] ?? 0;
    const width = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    if (at + width > last) break;
    at += width;
    units += width === 4 ? 2 : 1;
  }
  return { units, at };
}

/**
 * Encodes the elements between two points as a separate struct, as Yjs does: from the second piece on,
 * its origin is the last element of the preceding piece.
 *
 * @param structAt where the struct begins in `update`
 * @param id the id of the struct's first element
 */
export function pieceOf(
  update: Uint8Array,
  reader: StructReader,
  structAt: number,
  id: { client: number; clock: number },
  from: CutPoint,
  to: CutPoint,
): Uint8Array {
  const { rightOrigin, info, content } = reader;
  const elements = update.subarray(from.at, to.at);
  const count = content === Content.string ? elements.length : to.units - from.units;
  const isFirst = from.units === 0;
  const hasRight = (info & HAS_RIGHT_ORIGIN) !== 0;
  const originClock = id.clock + from.units - 1;
  let head = reader.contentAt - structAt;
  if (!isFirst) {
    head = 1 + varUintLength(id.client) + varUintLength(originClock);
    if (hasRight) head += varUintLength(rightOrigin.client) + varUintLength(rightOrigin.clock);
  }
  const piece = new Uint8Array(head + varUintLength(count) + elements.length);
  let at = head;
  if (isFirst) {
    piece.set(update.subarray(structAt, reader.contentAt));
  } else {
    piece[0] = info | HAS_ORIGIN;
    at = putVarUint(piece, 1, id.client);
    at = putVarUint(piece, at, originClock);
    if (hasRight) {
      at = putVarUint(piece, at, rightOrigin.client);
      at = putVarUint(piece, at, rightOrigin.clock);
    }
  }
  at = putVarUint(piece, at, count);
  piece.set(elements, at);
  return piece;
}
