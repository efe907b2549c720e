import * as encoding from "lib0/encoding";
import { coversAll } from "./coverage.ts";

/** A text document of many pieces that Yjs cannot merge, as after long real editing. */
export interface SampleDocument {
  /** Encoded Yjs updates that together are the document. */
  readonly updates: readonly Uint8Array[];
  readonly encodedBytes: number;
  readonly client: number;
  /** The state vector's entry for `client` once the document is complete. */
  readonly clocks: number;
}

const CLIENT = 2 ** 31;
const PIECE = "some words, ";
const PIECES_PER_UPDATE = 10_000;
const STRING_BEFORE_RIGHT_ORIGIN = 0x44;
const STRING_IN_PARENT = 0x04;
const PARENT_IS_ROOT = 1;
const NO_DELETIONS = 0;

/**
 * Returns a document of about `bytes`. Its only author always types at the very beginning, so each
 * piece precedes the one typed before it, and remains a separate item.
 */
export function sampleDocument(bytes: number): SampleDocument {
  const updates: Uint8Array[] = [];
  let encodedBytes = 0;
  let pieces = 0;
  while (encodedBytes < bytes) {
    const count = Math.min(PIECES_PER_UPDATE, Math.ceil((bytes - encodedBytes) / bytesPerPiece()));
    const update = encodePieces(pieces, count);
    updates.push(update);
    encodedBytes += update.length;
    pieces += count;
  }
  return { updates, encodedBytes, client: CLIENT, clocks: pieces * PIECE.length };
}

/** Whether encoded updates together contain the whole document. */
export function holdsSample(
  updates: readonly Buffer[],
  sample: Pick<SampleDocument, "client" | "clocks">,
): boolean {
  return coversAll(updates, sample.client, sample.clocks);
}

function bytesPerPiece(): number {
  const sampleSize = 100;
  return encodePieces(1000, sampleSize).length / sampleSize;
}

function encodePieces(first: number, count: number): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, count);
    encoding.writeVarUint(encoder, CLIENT);
    encoding.writeVarUint(encoder, first * PIECE.length);
    for (let piece = first; piece < first + count; piece++) {
      if (piece === 0) {
        encoding.writeUint8(encoder, STRING_IN_PARENT);
        encoding.writeVarUint(encoder, PARENT_IS_ROOT);
        encoding.writeVarString(encoder, "text");
      } else {
        encoding.writeUint8(encoder, STRING_BEFORE_RIGHT_ORIGIN);
        encoding.writeVarUint(encoder, CLIENT);
        encoding.writeVarUint(encoder, (piece - 1) * PIECE.length);
      }
      encoding.writeVarString(encoder, PIECE);
    }
    encoding.writeVarUint(encoder, NO_DELETIONS);
  });
}
