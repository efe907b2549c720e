import { putVarUint, varUintLength } from "./var-uint.ts";

/**
 * A WebSocket frame that holds one whole message, ready to be written to any number of sockets.
 * Encoded once and shared; nobody may change its bytes.
 */
export type Frame = Uint8Array;

/** A frame together with the update that lies inside it, so that both cost the memory of one. */
export interface FramedUpdate {
  readonly frame: Frame;
  readonly update: Uint8Array;
}

/** Answers a state vector (sync step 2). The first one that a client gets makes it `synced`. */
export function frameDiff(update: Uint8Array, allocate = allocateLocal): FramedUpdate {
  return frameBytes([0, 1], update, allocate);
}

/** An update of the document (sync step "update"). */
export function frameUpdate(update: Uint8Array): FramedUpdate {
  return frameBytes([0, 2], update, allocateLocal);
}

/** Sync step 1: asks the client for what is not covered by this state vector. */
export function frameStateVector(stateVector: Uint8Array): Frame {
  return frameBytes([0, 0], stateVector, allocateLocal).frame;
}

/** Presence states, encoded by `encodePresence`. */
export function frameAwareness(states: Uint8Array): Frame {
  return frameBytes([1], states, allocateLocal).frame;
}

/**
 * A message that changes nothing: presence of nobody. Providers reconnect when they hear nothing
 * for 30 seconds, and WebSocket pings do not count.
 */
export const KEEPALIVE: Frame = frameAwareness(Uint8Array.of(0));

function allocateLocal(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** Writes the frame of RFC 6455, section 5.2: final, binary, not masked. */
function frameBytes(
  head: readonly number[],
  body: Uint8Array,
  allocate: (length: number) => Uint8Array,
): FramedUpdate {
  const payload = head.length + varUintLength(body.length) + body.length;
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
  at = putVarUint(frame, at, body.length);
  frame.set(body, at);
  return { frame, update: frame.subarray(at) };
}
