import { TypeOverrides } from "pg";

const BYTEA = 17;
const INT8 = 20;
const INT8_ARRAY = 1016;

/** Parsers for values that the database returns. */
export const valueTypes: TypeOverrides = new TypeOverrides();
valueTypes.setTypeParser(INT8, safeInteger);
valueTypes.setTypeParser(INT8_ARRAY, (text: string) => {
  const numbers = text.slice(1, -1);
  return numbers === "" ? [] : numbers.split(",").map(safeInteger);
});
valueTypes.setTypeParser(BYTEA, (text: string) => {
  // Two hex digits per byte follow "\x". Not a Buffer, which may share its memory with others.
  const bytes = new Uint8Array(text.length / 2 - 1);
  Buffer.from(bytes.buffer).write(text.slice(2), "hex");
  return bytes;
});

/** Very large integers cannot be represented exactly as a number. @throws RangeError */
function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`the integer ${text} is too large`);
  return number;
}

/**
 * Encodes a parameter of type `bytea[]` in binary format. The driver encodes arrays as text, which
 * for eight megabytes would block the event loop for 30 ms instead of 6.
 */
export function byteArrays(elements: readonly Uint8Array[]): Buffer {
  const header = [1, 0, BYTEA, elements.length, 1];
  const bytes = elements.reduce((sum, { length }) => sum + INT4_BYTES + length, 0);
  const array = Buffer.allocUnsafe(header.length * INT4_BYTES + bytes);
  let offset = 0;
  // Dimensions, null flag, element type, element count, index of the first element.
  for (const number of header) offset = array.writeInt32BE(number, offset);
  for (const element of elements) {
    offset = array.writeInt32BE(element.length, offset);
    array.set(element, offset);
    offset += element.length;
  }
  return array;
}

const INT4_BYTES = 4;
