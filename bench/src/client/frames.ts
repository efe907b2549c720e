/** The part of WebSocket framing (RFC 6455) that a benchmark client needs. */

export const OPCODE_CONTINUATION = 0;
export const OPCODE_BINARY = 2;
export const OPCODE_CLOSE = 8;
export const OPCODE_PING = 9;
export const OPCODE_PONG = 10;

/**
 * Four equal bytes, so that masking needs no position. Not zero, because servers skip a zero mask.
 */
const MASK_BYTE = 0x55;
const MASK_LENGTH = 4;
const LONGEST_HEADER = 10;

const NO_PREFIX = new Uint8Array();

/** Returns one masked client frame that contains `prefix` and `payload`. */
export function maskedFrame(
  payload: Uint8Array,
  opcode = OPCODE_BINARY,
  prefix: Uint8Array = NO_PREFIX,
): Buffer {
  const size = prefix.length + payload.length;
  const lengthBytes = size < 126 ? 0 : size < 65_536 ? 2 : 8;
  const headerSize = 2 + lengthBytes + MASK_LENGTH;
  const frame = Buffer.allocUnsafe(headerSize + size);
  frame[0] = 0x80 | opcode;
  if (lengthBytes === 0) {
    frame[1] = 0x80 | size;
  } else if (lengthBytes === 2) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  frame.fill(MASK_BYTE, headerSize - MASK_LENGTH, headerSize);
  copyMasked(prefix, frame, headerSize);
  copyMasked(payload, frame, headerSize + prefix.length);
  return frame;
}

function copyMasked(from: Uint8Array, to: Buffer, position: number): void {
  for (let index = 0; index < from.length; index++) {
    to[position + index] = (from[index] ?? 0) ^ MASK_BYTE;
  }
}

/** Receives one message, `buffer[start, end)`. The bytes are only valid during the call. */
export type FrameHandler = (opcode: number, buffer: Buffer, start: number, end: number) => void;

/**
 * Splits a byte stream into server frames, without copying those that arrive whole. A frame that
 * spans several chunks is collected in one buffer of its size.
 */
export class FrameReader {
  readonly #onFrame: FrameHandler;
  #held: Buffer | undefined;
  #heldLength = 0;

  constructor(onFrame: FrameHandler) {
    this.#onFrame = onFrame;
  }

  /** Reads `chunk[from, to)`. Throws on masked or fragmented frames, which no contender sends. */
  push(chunk: Buffer, from: number, to: number): void {
    let position =
      this.#held === undefined ? from : this.#continueHeld(this.#held, chunk, from, to);
    while (position < to) {
      const size = frameSize(chunk, position, to);
      if (size === undefined || position + size > to) {
        this.#hold(chunk, position, to, size);
        return;
      }
      this.#deliver(chunk, position, size);
      position += size;
    }
  }

  #hold(chunk: Buffer, from: number, to: number, size: number | undefined): void {
    this.#held = Buffer.allocUnsafe(size ?? LONGEST_HEADER);
    this.#heldLength = chunk.copy(this.#held, 0, from, to);
  }

  /** Continues the held frame with the chunk. Returns the position after the bytes that it used. */
  #continueHeld(heldBefore: Buffer, chunk: Buffer, from: number, to: number): number {
    let held = heldBefore;
    let position = from;
    let size = frameSize(held, 0, this.#heldLength);
    while (size === undefined && position < to) {
      held[this.#heldLength++] = chunk[position++] ?? 0;
      size = frameSize(held, 0, this.#heldLength);
    }
    if (size === undefined) return position;
    if (held.length < size) {
      const grown = Buffer.allocUnsafe(size);
      held.copy(grown, 0, 0, this.#heldLength);
      held = grown;
      this.#held = held;
    }
    const taken = Math.min(size - this.#heldLength, to - position);
    chunk.copy(held, this.#heldLength, position, position + taken);
    this.#heldLength += taken;
    position += taken;
    if (this.#heldLength === size) {
      this.#held = undefined;
      this.#deliver(held, 0, size);
    }
    return position;
  }

  #deliver(buffer: Buffer, start: number, size: number): void {
    const first = buffer[start] ?? 0;
    const opcode = first & 0x0f;
    if ((first & 0x80) === 0 || opcode === OPCODE_CONTINUATION) {
      throw new Error("the server sent a fragmented WebSocket message");
    }
    this.#onFrame(opcode, buffer, start + headerLength(buffer[start + 1] ?? 0), start + size);
  }
}

function headerLength(second: number): number {
  if ((second & 0x80) !== 0) throw new Error("the server sent a masked WebSocket frame");
  const length = second & 0x7f;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

/** The size in bytes of the frame at `start`, or undefined while its header is not complete. */
function frameSize(buffer: Buffer, start: number, end: number): number | undefined {
  if (end - start < 2) return undefined;
  const second = buffer[start + 1] ?? 0;
  const header = headerLength(second);
  if (end - start < header) return undefined;
  if (header === 2) return 2 + second;
  if (header === 4) return 4 + buffer.readUInt16BE(start + 2);
  return 10 + Number(buffer.readBigUInt64BE(start + 2));
}
