import { isAscii, isUtf8 } from "node:buffer";
import { type Decoder, readVarUint } from "lib0/decoding";
import { MalformedError } from "./malformed-error.ts";

/** From this length on, a call that checks many bytes at once is faster. */
const LONG = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Skips a string (varuint byte length, then UTF-8) without building it.
 *
 * Clients decode strings with a decoder that throws on invalid UTF-8, so an invalid one must be
 * detected here: it would break every client that received it.
 *
 * @returns its length in UTF-16 code units, which is how Yjs counts text
 * @throws MalformedError if it is not valid UTF-8, or longer than the input
 */
export function skipString(decoder: Decoder): number {
  const bytes = takeBytes(decoder);
  if (bytes.length >= LONG && isAscii(bytes)) return bytes.length;
  let units = 0;
  let ascii = true;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x80) {
      units++;
    } else {
      ascii = false;
      // Every character starts with a byte that is not a continuation byte; four-byte characters
      // take two code units.
      if (byte >= 0xf0) units += 2;
      else if (byte >= 0xc0) units++;
    }
  }
  if (!ascii && !isUtf8(bytes)) throw new MalformedError("text is not valid UTF-8");
  return units;
}

/**
 * Reads a string.
 *
 * @throws MalformedError as for `skipString`; TypeError if it is not valid UTF-8
 */
export function readString(decoder: Decoder): string {
  return decodeText(takeBytes(decoder));
}

/** Decodes UTF-8. @throws TypeError if it is not valid */
export function decodeText(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/**
 * Reads a byte array (varuint length, then the bytes) as a view of the input.
 *
 * @throws MalformedError if it is longer than the input
 */
export function takeBytes(decoder: Decoder): Uint8Array {
  const length = readVarUint(decoder);
  const start = decoder.pos;
  skip(decoder, length);
  return decoder.arr.subarray(start, decoder.pos);
}

/** Skips `length` bytes. @throws MalformedError if the input ends before */
export function skip(decoder: Decoder, length: number): void {
  if (length > decoder.arr.length - decoder.pos) {
    throw new MalformedError(
      `a length of ${length} bytes with only ${decoder.arr.length - decoder.pos} left`,
    );
  }
  decoder.pos += length;
}
