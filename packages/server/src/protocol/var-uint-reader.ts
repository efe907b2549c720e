/**
 * Reads varuints that are known to be well-formed, from a place in bytes. It has no checks and makes
 * nothing, so it is several times as fast as the decoder of lib0.
 */
export class VarUintReader {
  readonly bytes: Uint8Array;
  /** Where the next one begins. */
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  next(): number {
    const { bytes } = this;
    let byte = bytes[this.at++] ?? 0;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    // Numbers have up to 53 bits: a shift would cut them to 32.
    let factor = 0x80;
    do {
      byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    } while (byte >= 0x80);
    return value;
  }
}
