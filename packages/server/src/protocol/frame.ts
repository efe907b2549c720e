import { type AwarenessState, awarenessLength, putAwareness } from "./awareness.ts";
import { putVarUint, varUintLength } from "./var-uint.ts";

/**
 * A WebSocket frame with one whole message, ready to be written to any number of sockets. Encoded
 * once and shared, so its bytes must not be modified.
 */
export type Frame = Uint8Array;

/** A frame, and the update as a view into it, so that both take the memory of one. */
export interface FramedUpdate {
  readonly frame: Frame;
  readonly update: Uint8Array;
}

/** Sync step 2: the answer to a state vector. The first one makes a client `synced`. */
export function frameDiff(update: Uint8Array, allocate = allocateLocal): FramedUpdate {
  return frameBytes([0, 1], update, allocate);
}

/** Sync step "update": an update of the document. */
export function frameUpdate(update: Uint8Array): FramedUpdate {
  return frameBytes([0, 2], update, allocateLocal);
}

/** Sync step 1: asks the client for everything not covered by this state vector. */
export function frameStateVector(stateVector: Uint8Array): Frame {
  return frameBytes([0, 0], stateVector, allocateLocal).frame;
}

/** Awareness states. */
export function frameAwareness(states: readonly AwarenessState[], allocate = allocateLocal): Frame {
  const { frame, at } = beginFrame([1], awarenessLength(states), allocate);
  putAwareness(frame, at, states);
  return frame;
}

/**
 * A message without effect: an empty list of awareness states. Providers reconnect if they receive
 * nothing for 30 seconds, and WebSocket pings do not count.
 */
export const KEEPALIVE: Frame = frameAwareness([]);

/** For frames that live for one flush only: short ones share memory, which is freed with the last. */
export function allocatePooled(length: number): Uint8Array {
  return Buffer.allocUnsafe(length);
}

function allocateLocal(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** Writes a frame as in RFC 6455, section 5.2: final, binary, unmasked. */
function frameBytes(
  head: readonly number[],
  body: Uint8Array,
  allocate: (length: number) => Uint8Array,
): FramedUpdate {
  const { frame, at } = beginFrame(head, body.length, allocate);
  frame.set(body, at);
  return { frame, update: frame.subarray(at) };
}

/** Writes everything before a body of this length. @returns the frame, and where its body begins */
function beginFrame(
  head: readonly number[],
  length: number,
  allocate: (length: number) => Uint8Array,
): { readonly frame: Uint8Array; readonly at: number } {
  const payload = head.length + varUintLength(length) + length;
  const header = payload < 126 ? 2 : payload < 0x10000 ? 4 : 10;
  const frame = allocate(header + payload);
  frame[0] = 0x82;
  if (header === 2) {
    frame[1] = payload;
  } else if (header === 4) {
    frame[1] = 126;
    frame[2] = payload >>> 8;
    frame[3] = payload & 0xff;
  } else {
    frame[1] = 127;
    new DataView(frame.buffer, frame.byteOffset).setBigUint64(2, BigInt(payload));
  }
  let at = header;
  for (const byte of head) frame[at++] = byte;
  return { frame, at: putVarUint(frame, at, length) };
}
