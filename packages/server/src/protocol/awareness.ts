import { createDecoder, type Decoder, readVarUint } from "lib0/decoding";
import { checkJsonBytes } from "./json.ts";
import { asMalformed, decoding } from "./malformed-error.ts";
import { skip } from "./text.ts";
import { TooLargeError } from "./too-large-error.ts";
import { putVarUint, varUintLength } from "./var-uint.ts";

/** One client's awareness: its state is JSON in UTF-8, or `null` if the client has left. */
export interface AwarenessState {
  readonly client: number;
  /** Grows with every change by the client. */
  readonly clock: number;
  readonly state: Uint8Array;
}

/** The state of a client that has left. */
export const LEFT: Uint8Array = new TextEncoder().encode("null");

/**
 * Enough for a cursor, a name and the address of a picture. Limited, because every change is sent
 * to the whole room.
 */
const MAX_STATE_BYTES = 64 * 1024;

export function isLeft(state: Uint8Array): boolean {
  return saysLeft(state, 0, state.length);
}

function saysLeft(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 4 && bytes[start] === 0x6e && bytes[start + 1] === 0x75;
}

/**
 * Reads a list of awareness states one by one, without allocating an object for each: most states
 * that clients send are those they received, and are dropped by clock alone.
 */
export class AwarenessReader {
  /** The client of the last state read; the fields below are of that state too. */
  client = 0;
  clock = 0;
  readonly #decoder: Decoder;
  #rest: number;
  #start = 0;

  /** @throws MalformedError if the bytes do not begin with a number */
  constructor(states: Uint8Array) {
    this.#decoder = createDecoder(states);
    this.#rest = decoding("presence", () => readVarUint(this.#decoder));
  }

  /** Whether the client has left. */
  get isLeft(): boolean {
    return saysLeft(this.#decoder.arr, this.#start, this.#decoder.pos);
  }

  /** Its JSON, as a view of the list. */
  get state(): Uint8Array {
    return this.#decoder.arr.subarray(this.#start, this.#decoder.pos);
  }

  /**
   * Reads the next state. @returns false if there is none
   *
   * @throws MalformedError if the bytes are not a list of states
   */
  next(): boolean {
    if (this.#rest === 0) return false;
    this.#rest--;
    const decoder = this.#decoder;
    try {
      this.client = readVarUint(decoder);
      this.clock = readVarUint(decoder);
      const length = readVarUint(decoder);
      this.#start = decoder.pos;
      skip(decoder, length);
    } catch (error) {
      throw asMalformed("presence", error);
    }
    return true;
  }
}

/**
 * Checks that clients can process a state.
 *
 * @throws TooLargeError above 64 KiB; MalformedError if it is not JSON in UTF-8, or nested too
 *   deeply
 */
export function checkAwareness(state: Uint8Array): void {
  if (state.length > MAX_STATE_BYTES) {
    throw new TooLargeError(
      `a presence state of ${state.length} bytes; the limit is ${MAX_STATE_BYTES}`,
    );
  }
  decoding("presence state", () => {
    checkJsonBytes(state);
  });
}

/** The length of the body of an awareness message, in bytes. */
export function awarenessLength(states: readonly AwarenessState[]): number {
  let length = varUintLength(states.length);
  for (const { client, clock, state } of states) {
    length += varUintLength(client) + varUintLength(clock);
    length += varUintLength(state.length) + state.length;
  }
  return length;
}

/** Writes the body of an awareness message. */
export function putAwareness(
  bytes: Uint8Array,
  start: number,
  states: readonly AwarenessState[],
): void {
  let at = putVarUint(bytes, start, states.length);
  for (const { client, clock, state } of states) {
    at = putVarUint(bytes, at, client);
    at = putVarUint(bytes, at, clock);
    at = putVarUint(bytes, at, state.length);
    bytes.set(state, at);
    at += state.length;
  }
}
