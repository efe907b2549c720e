/** Reads integers in lib0's encoding from a part of a buffer. One reader is reused. */
export class ByteReader {
  buffer: Buffer = Buffer.alloc(0);
  position = 0;
  end = 0;

  reset(buffer: Buffer, start: number, end: number): void {
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  byte(): number {
    if (this.position >= this.end) throw new Error("a message from the server is truncated");
    return this.buffer[this.position++] ?? 0;
  }

  /**
   * Reads a variable-length integer of up to 53 bits. No bit operations: client ids exceed 31 bits.
   */
  unsigned(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.end) throw new Error("a message from the server is truncated");
  }
}
