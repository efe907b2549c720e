import { createDecoder, readVarUint } from "lib0/decoding";

/** The deleted ranges of one client: first clock and length, repeated. */
export type DeleteRanges = number[];

/** Reads an encoded delete set by client, keeping the order of the clients. */
export function readDeleteRanges(bytes: Uint8Array): Map<number, DeleteRanges> {
  const decoder = createDecoder(bytes);
  const all = new Map<number, DeleteRanges>();
  const clients = readVarUint(decoder);
  for (let i = 0; i < clients; i++) {
    const client = readVarUint(decoder);
    const count = readVarUint(decoder);
    const ranges = all.get(client) ?? [];
    for (let j = 0; j < count; j++) ranges.push(readVarUint(decoder), readVarUint(decoder));
    all.set(client, ranges);
  }
  return all;
}
