import { createDecoder, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarUint } from "lib0/encoding";
import { decoding } from "./malformed-error.ts";

/** Per client id: all of its structs with a clock below this are there. */
export type StateVector = Map<number, number>;

/** @throws MalformedError when the bytes are not an encoded state vector */
export function decodeStateVector(bytes: Uint8Array): StateVector {
  return decoding("state vector", () => {
    const decoder = createDecoder(bytes);
    const vector: StateVector = new Map();
    const clients = readVarUint(decoder);
    for (let i = 0; i < clients; i++) vector.set(readVarUint(decoder), readVarUint(decoder));
    return vector;
  });
}

export function encodeStateVector(vector: StateVector): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, vector.size);
  for (const [client, clock] of vector) {
    writeVarUint(encoder, client);
    writeVarUint(encoder, clock);
  }
  return toUint8Array(encoder);
}
