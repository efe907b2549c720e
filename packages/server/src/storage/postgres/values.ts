import { TypeOverrides } from "pg";

const BYTEA = 17;
const INT8 = 20;
const INT8_ARRAY = 1016;

/** How values that the database returns are read. */
export const valueTypes: TypeOverrides = new TypeOverrides();
valueTypes.setTypeParser(INT8, safeInteger);
valueTypes.setTypeParser(INT8_ARRAY, (text: string) => {
  const numbers = text.slice(1, -1);
  return numbers === "" ? [] : numbers.split(",").map(safeInteger);
});
valueTypes.setTypeParser(BYTEA, (text: string) => {
  // Two digits of each byte follow "\x". Not a Buffer, which may share its memory with others.
  const bytes = new Uint8Array(text.length / 2 - 1);
  Buffer.from(bytes.buffer).write(text.slice(2), "hex");
  return bytes;
});

/** The largest integers of the database are not exact as a number. @throws RangeError */
function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is too large an integer`);
  return number;
}

/**
 * A parameter of the type `bytea[]` in the binary format. As text, which is what the driver makes of
 * an array, eight megabytes would hold up the event loop for 30 ms instead of 6.
 */
export function byteArrays(elements: readonly Uint8Array[]): Buffer {
  const header = [1, 0, BYTEA, elements.length, 1];
  const bytes = elements.reduce((sum, { length }) => sum + INT4_BYTES + length, 0);
  const array = Buffer.allocUnsafe(header.length * INT4_BYTES + bytes);
  let offset = 0;
  // Dimensions, whether there are nulls, type of the elements, their number, index of the first.
  for (const number of header) offset = array.writeInt32BE(number, offset);
  for (const element of elements) {
    offset = array.writeInt32BE(element.length, offset);
    array.set(element, offset);
    offset += element.length;
  }
  return array;
}

const INT4_BYTES = 4;
