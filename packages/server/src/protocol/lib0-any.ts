import { type Decoder, readUint8, readVarInt, readVarUint } from "lib0/decoding";
import { MAX_DEPTH } from "./json.ts";
import { MalformedError } from "./malformed-error.ts";
import { skip, skipString, takeBytes } from "./text.ts";

/**
 * Skips one value in lib0's `any` encoding (`readAny` of lib0 0.2).
 *
 * @throws MalformedError if it is invalid, or nested deeper than clients can decode
 */
export function skipAny(decoder: Decoder, depth = 0): void {
  if (depth > MAX_DEPTH) throw new MalformedError(`values nested deeper than ${MAX_DEPTH}`);
  const type = readUint8(decoder);
  switch (type) {
    case 127: // undefined
    case 126: // null
    case 121: // false
    case 120: // true
      return;
    case 125: // integer
      readVarInt(decoder);
      return;
    case 124: // float32
      skip(decoder, 4);
      return;
    case 123: // float64
    case 122: // bigint
      skip(decoder, 8);
      return;
    case 119: // string
      skipString(decoder);
      return;
    case 118: {
      // object
      const count = readVarUint(decoder);
      for (let i = 0; i < count; i++) {
        skipString(decoder);
        skipAny(decoder, depth + 1);
      }
      return;
    }
    case 117: {
      // array
      const count = readVarUint(decoder);
      for (let i = 0; i < count; i++) skipAny(decoder, depth + 1);
      return;
    }
    case 116: // bytes
      takeBytes(decoder);
      return;
    default:
      throw new MalformedError(`unknown value type ${type}`);
  }
}
