import { createDecoder, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from "lib0/encoding";
import { checkJson } from "./json.ts";
import { decoding } from "./malformed-error.ts";
import { decodeText, takeBytes } from "./text.ts";
import { TooLargeError } from "./too-large-error.ts";

/** One client's presence: its state is JSON in UTF-8, and `null` when the client left. */
export interface PresenceState {
  readonly client: number;
  /** Grows with every change that the client makes. */
  readonly clock: number;
  readonly state: Uint8Array;
}

/** The state of a client that left. */
export const LEFT: Uint8Array = new TextEncoder().encode("null");

/** More than any cursor, name and picture address takes: all of a room are sent every change. */
const MAX_STATE_BYTES = 64 * 1024;

export function isLeft(state: Uint8Array): boolean {
  return state.length === 4 && state[0] === 0x6e && state[1] === 0x75;
}

/**
 * Reads a list of presence states without decoding their JSON: most of what clients send is what
 * they were sent, and is dropped by its clock alone.
 *
 * @param visit gets each state as a view of `states`
 * @throws MalformedError when the bytes are not such a list, and whatever `visit` throws
 */
export function readPresence(
  states: Uint8Array,
  visit: (client: number, clock: number, state: Uint8Array) => void,
): void {
  decoding("presence", () => {
    const decoder = createDecoder(states);
    const count = readVarUint(decoder);
    for (let i = 0; i < count; i++) {
      const client = readVarUint(decoder);
      const clock = readVarUint(decoder);
      visit(client, clock, takeBytes(decoder));
    }
  });
}

/**
 * Checks that clients can work with a state.
 *
 * @throws TooLargeError above 64 KiB; MalformedError when it is not JSON in UTF-8, or nested too deep
 */
export function checkPresence(state: Uint8Array): void {
  if (state.length > MAX_STATE_BYTES) {
    throw new TooLargeError(
      `a presence state of ${state.length} bytes; it may have ${MAX_STATE_BYTES}`,
    );
  }
  decoding("presence state", () => {
    checkJson(decodeText(state));
  });
}

/** Encodes states as the body of a presence message. */
export function encodePresence(states: readonly PresenceState[]): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, states.length);
  for (const { client, clock, state } of states) {
    writeVarUint(encoder, client);
    writeVarUint(encoder, clock);
    writeVarUint8Array(encoder, state);
  }
  return toUint8Array(encoder);
}
