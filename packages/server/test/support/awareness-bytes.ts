import {
  type AwarenessState,
  awarenessLength,
  putAwareness,
} from "../../src/protocol/awareness.ts";

/** Encodes states as the body of an awareness message. */
export function encodeAwareness(states: readonly AwarenessState[]): Uint8Array {
  const bytes = new Uint8Array(awarenessLength(states));
  putAwareness(bytes, 0, states);
  return bytes;
}
