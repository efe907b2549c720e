import { createDecoder, type Decoder, readVarUint } from "lib0/decoding";
import { decoding, MalformedError } from "./malformed-error.ts";
import { skip } from "./text.ts";

/**
 * The messages of the y-websocket protocol: a varuint for the type, then the body. A WebSocket
 * message contains one of them; anything after it is ignored, as by the reference server.
 */
const MessageType = { sync: 0, awareness: 1, auth: 2, queryAwareness: 3 } as const;

const SyncStep = { stateVector: 0, diff: 1, update: 2 } as const;

/**
 * Handles the messages of a client. Every byte array is a view of the received message; copy it to
 * keep it.
 */
export interface MessageReceiver {
  /** Step 1: the client has this state, and requests everything it lacks. */
  onStateVector(stateVector: Uint8Array): void;
  /** Step 2: content that the client has and this server may lack. Often empty, or nothing new. */
  onDiff(update: Uint8Array): void;
  onUpdate(update: Uint8Array): void;
  /** Awareness states, to be read with an `AwarenessReader`. */
  onAwareness(states: Uint8Array): void;
  onAwarenessQuery(): void;
}

/**
 * Reads one message and passes it to the receiver. Messages of unknown types are ignored.
 *
 * @throws MalformedError if the bytes are not a message; whatever the receiver throws
 */
export function readMessage(message: Uint8Array, receiver: MessageReceiver): void {
  const decoder = createDecoder(message);
  switch (readNumber(decoder)) {
    case MessageType.sync:
      readSync(decoder, receiver);
      return;
    case MessageType.awareness:
      receiver.onAwareness(readBytes(decoder));
      return;
    case MessageType.queryAwareness:
      receiver.onAwarenessQuery();
      return;
    default:
      return;
  }
}

function readSync(decoder: Decoder, receiver: MessageReceiver): void {
  const step = readNumber(decoder);
  switch (step) {
    case SyncStep.stateVector:
      receiver.onStateVector(readBytes(decoder));
      return;
    case SyncStep.diff:
      receiver.onDiff(readBytes(decoder));
      return;
    case SyncStep.update:
      receiver.onUpdate(readBytes(decoder));
      return;
    default:
      throw new MalformedError(`unknown sync step ${step}`);
  }
}

function readNumber(decoder: Decoder): number {
  return decoding("message", () => readVarUint(decoder));
}

function readBytes(decoder: Decoder): Uint8Array {
  const length = readNumber(decoder);
  const start = decoder.pos;
  skip(decoder, length);
  return decoder.arr.subarray(start, decoder.pos);
}
