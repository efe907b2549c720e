/**
 * Reads varuints that are known to be well-formed, from an offset. It checks and allocates nothing,
 * so it is several times as fast as lib0's decoder.
 */
export class VarUintReader {
  readonly bytes: Uint8Array;
  /** The offset of the next varuint. */
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
    // Numbers have up to 53 bits: a shift would truncate them to 32.
    let factor = 0x80;
    do {
      byte = bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * factor;
      factor *= 0x80;
    } while (byte >= 0x80);
    return value;
  }
}
