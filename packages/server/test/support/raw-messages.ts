import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

/** One client's awareness as encoded on the wire; a `state` of `null` means that it left. */
export interface RawPresence {
  readonly client: number;
  readonly clock: number;
  readonly state: unknown;
}

export type RawMessage =
  | { readonly type: "step1"; readonly stateVector: Uint8Array }
  | { readonly type: "step2"; readonly update: Uint8Array }
  | { readonly type: "update"; readonly update: Uint8Array }
  | { readonly type: "presence"; readonly states: readonly RawPresence[] }
  | { readonly type: "denied"; readonly reason: string }
  | { readonly type: "query" };

/**
 * Reads one message as strictly as possible: unlike a provider, it accepts no trailing bytes.
 *
 * @throws Error if it is not exactly one message
 */
export function decodeRaw(bytes: Uint8Array): RawMessage {
  const decoder = decoding.createDecoder(bytes);
  const message = readRaw(decoder);
  if (decoding.hasContent(decoder)) throw new Error(`bytes after a ${message.type} message`);
  return message;
}

function readRaw(decoder: decoding.Decoder): RawMessage {
  const type = decoding.readVarUint(decoder);
  switch (type) {
    case 0:
      return readSync(decoder);
    case 1:
      return { type: "presence", states: readPresence(decoding.readVarUint8Array(decoder)) };
    case 2:
      if (decoding.readVarUint(decoder) !== 0) throw new Error("unknown auth message");
      return { type: "denied", reason: decoding.readVarString(decoder) };
    case 3:
      return { type: "query" };
    default:
      throw new Error(`unknown message type ${type}`);
  }
}

function readSync(decoder: decoding.Decoder): RawMessage {
  const step = decoding.readVarUint(decoder);
  const body = decoding.readVarUint8Array(decoder);
  if (step === 0) return { type: "step1", stateVector: body };
  if (step === 1) return { type: "step2", update: body };
  if (step === 2) return { type: "update", update: body };
  throw new Error(`unknown sync step ${step}`);
}

function readPresence(bytes: Uint8Array): RawPresence[] {
  const decoder = decoding.createDecoder(bytes);
  const count = decoding.readVarUint(decoder);
  const states: RawPresence[] = [];
  for (let i = 0; i < count; i++) {
    const client = decoding.readVarUint(decoder);
    const clock = decoding.readVarUint(decoder);
    const state: unknown = JSON.parse(decoding.readVarString(decoder));
    states.push({ client, clock, state });
  }
  if (decoding.hasContent(decoder)) throw new Error("bytes after the presence states");
  return states;
}

export function encodeRaw(message: RawMessage): Uint8Array {
  return encoding.encode((encoder) => {
    switch (message.type) {
      case "step1":
        return writeSync(encoder, 0, message.stateVector);
      case "step2":
        return writeSync(encoder, 1, message.update);
      case "update":
        return writeSync(encoder, 2, message.update);
      case "presence":
        encoding.writeVarUint(encoder, 1);
        encoding.writeVarUint8Array(encoder, encodePresence(message.states));
        return;
      case "denied":
        encoding.writeVarUint(encoder, 2);
        encoding.writeVarUint(encoder, 0);
        encoding.writeVarString(encoder, message.reason);
        return;
      case "query":
        encoding.writeVarUint(encoder, 3);
    }
  });
}

function writeSync(encoder: encoding.Encoder, step: number, body: Uint8Array): void {
  encoding.writeVarUint(encoder, 0);
  encoding.writeVarUint(encoder, step);
  encoding.writeVarUint8Array(encoder, body);
}

function encodePresence(states: readonly RawPresence[]): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, states.length);
    for (const { client, clock, state } of states) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarString(encoder, JSON.stringify(state));
    }
  });
}
