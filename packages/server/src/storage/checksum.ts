import { crc32 } from "node:zlib";
import { CorruptedError } from "./errors.ts";

/** Includes the room, so that a row that ends up in another room is detected. */
export function checksum(room: string, update: Uint8Array): number {
  return crc32(update, crc32(room));
}

/**
 * Returns the content of a row after verifying its checksum.
 *
 * @param row has `content` and `checksum`
 * @param what names the row in the error
 * @throws CorruptedError
 */
export function verified(
  room: string,
  row: Record<string, unknown>,
  what: string,
): Uint8Array<ArrayBuffer> {
  const { content } = row;
  if (
    !(content instanceof Uint8Array && content.buffer instanceof ArrayBuffer) ||
    row.checksum !== checksum(room, content)
  ) {
    throw new CorruptedError(`${what} is corrupted: its checksum does not match`);
  }
  return content as Uint8Array<ArrayBuffer>;
}
