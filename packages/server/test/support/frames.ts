import * as decoding from "lib0/decoding";

export type ServerMessage =
  | { type: "state-vector"; stateVector: Uint8Array }
  | { type: "diff" | "update"; update: Uint8Array }
  | { type: "presence"; states: Uint8Array };

/** Decodes what the server writes to a socket, independently of the encoder. */
export function decodeFrames(frames: readonly Uint8Array[]): ServerMessage[] {
  return frames.map((frame) => decodeMessage(payloadOf(frame)));
}

/** The payload of a final, binary, unmasked WebSocket frame. */
function payloadOf(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint8(0) !== 0x82) throw new Error(`not a binary frame: ${view.getUint8(0)}`);
  const short = view.getUint8(1);
  const [length, start] =
    short < 126
      ? [short, 2]
      : short === 126
        ? [view.getUint16(2), 4]
        : [Number(view.getBigUint64(2)), 10];
  if (frame.length !== start + length) throw new Error("the length of the frame is wrong");
  return frame.subarray(start);
}

function decodeMessage(payload: Uint8Array): ServerMessage {
  const decoder = decoding.createDecoder(payload);
  const type = decoding.readVarUint(decoder);
  const step = type === 0 ? decoding.readVarUint(decoder) : 0;
  const body = decoding.readVarUint8Array(decoder);
  if (decoder.pos !== payload.length) throw new Error("more than one message in a frame");
  if (type === 1) return { type: "presence", states: body };
  if (type !== 0) throw new Error(`unexpected message type ${type}`);
  if (step === 0) return { type: "state-vector", stateVector: body };
  return { type: step === 1 ? "diff" : "update", update: body };
}
