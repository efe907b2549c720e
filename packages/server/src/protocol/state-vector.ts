import { createDecoder, readVarUint } from "lib0/decoding";
import { createEncoder, toUint8Array, writeVarUint } from "lib0/encoding";
import { decoding } from "./malformed-error.ts";

/** Maps a client id to a clock; all of the client's structs below that clock are present. */
export type StateVector = Map<number, number>;

/** @throws MalformedError if the bytes are not an encoded state vector */
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

/**
 * Returns the state vector of runs of structs, up to the first gap of each client.
 *
 * @param runs as in `UpdateContents.runs`: client id, first clock, clock after the last; repeated
 */
export function stateVectorOf(runs: ArrayLike<number>): StateVector {
  const vector: StateVector = new Map();
  addRuns(vector, runs);
  return vector;
}

/** Adds runs to a state vector. A run after a gap is not counted, so it may be requested again. */
export function addRuns(vector: StateVector, runs: ArrayLike<number>): void {
  for (let i = 0; i + 2 < runs.length; i += 3) {
    const [client, from, to] = [runs[i] ?? 0, runs[i + 1] ?? 0, runs[i + 2] ?? 0];
    const known = vector.get(client) ?? 0;
    if (from <= known && to > known) vector.set(client, to);
  }
}
