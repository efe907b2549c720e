import { createEncoder, toUint8Array, writeUint8, writeVarUint } from "lib0/encoding";

/** Consecutive structs of one client. */
export interface Run {
  readonly client: number;
  readonly from: number;
  readonly length: number;
}

/** A range of deleted structs. */
export type Deletion = Run;

/** Encodes an update by hand: for each client a run of structs of length 1 without content, then deletions. */
export function updateOf(runs: readonly Run[], deletes: readonly Deletion[]): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, runs.length);
  for (const { client, from, length } of runs.toSorted((a, b) => b.client - a.client)) {
    writeVarUint(encoder, length);
    writeVarUint(encoder, client);
    writeVarUint(encoder, from);
    for (let i = 0; i < length; i++) {
      writeUint8(encoder, 0);
      writeVarUint(encoder, 1);
    }
  }
  // In the given order, because a forged update may have any order.
  writeVarUint(encoder, deletes.length);
  for (const { client, from, length } of deletes) {
    writeVarUint(encoder, client);
    writeVarUint(encoder, 1);
    writeVarUint(encoder, from);
    writeVarUint(encoder, length);
  }
  return toUint8Array(encoder);
}

export function encodeDeletes(deletes: readonly Deletion[]): Uint8Array {
  return updateOf([], deletes);
}
