import { crc32 } from "node:zlib";
import { CorruptedError } from "./errors.ts";

/** Covers the room as well, so that a row cannot end up in another room unnoticed. */
export function checksum(room: string, update: Uint8Array): number {
  return crc32(update, crc32(room));
}

/**
 * The content of a row, if it is what was written.
 *
 * @param row with `content` and `checksum`
 * @param what names the row, for the error
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
    throw new CorruptedError(`${what} is not what was written: its checksum does not match`);
  }
  return content as Uint8Array<ArrayBuffer>;
}
