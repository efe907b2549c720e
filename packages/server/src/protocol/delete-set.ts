import { putVarUint, varUintLength } from "./var-uint.ts";
import { VarUintReader } from "./var-uint-reader.ts";

/** Ranges of deleted structs: client id to pairs of first clock and clock after the last. */
type Ranges = Map<number, [number, number][]>;

/**
 * Returns an encoded delete set in canonical form: clients in descending order, each once, with
 * non-empty ranges in ascending order that do not overlap. Yjs writes this form; any other is
 * encoded again.
 *
 * @param deletes a valid encoded delete set
 * @returns the same array if it is canonical already
 */
export function canonicalDeletes(deletes: Uint8Array): Uint8Array {
  return isCanonical(deletes) ? deletes : encodeRanges(readRanges(deletes));
}

function isCanonical(deletes: Uint8Array): boolean {
  const reader = new VarUintReader(deletes);
  let previous = Number.POSITIVE_INFINITY;
  for (let clients = reader.next(); clients > 0; clients--) {
    const client = reader.next();
    if (client >= previous) return false;
    previous = client;
    let count = reader.next();
    if (count === 0) return false;
    for (let end = 0; count > 0; count--) {
      const from = reader.next();
      const length = reader.next();
      if (from < end || length === 0) return false;
      end = from + length;
    }
  }
  return true;
}

function readRanges(deletes: Uint8Array): Ranges {
  const reader = new VarUintReader(deletes);
  const ranges: Ranges = new Map();
  for (let clients = reader.next(); clients > 0; clients--) {
    const client = reader.next();
    const ofClient = ranges.get(client) ?? [];
    ranges.set(client, ofClient);
    for (let count = reader.next(); count > 0; count--) {
      const from = reader.next();
      ofClient.push([from, from + reader.next()]);
    }
  }
  return ranges;
}

function encodeRanges(ranges: Ranges): Uint8Array {
  const clients = [...ranges]
    .sort(([a], [b]) => b - a)
    .map(([client, ofClient]) => ({ client, joined: joined(ofClient) }))
    .filter(({ joined }) => joined.length > 0);
  let length = varUintLength(clients.length);
  for (const { client, joined } of clients) {
    length += varUintLength(client) + varUintLength(joined.length);
    for (const [from, to] of joined) length += varUintLength(from) + varUintLength(to - from);
  }
  const bytes = new Uint8Array(length);
  let at = putVarUint(bytes, 0, clients.length);
  for (const { client, joined } of clients) {
    at = putVarUint(bytes, putVarUint(bytes, at, client), joined.length);
    for (const [from, to] of joined) {
      at = putVarUint(bytes, putVarUint(bytes, at, from), to - from);
    }
  }
  return bytes;
}

/** Merges adjacent and overlapping ranges, and drops empty ones. */
function joined(ranges: [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (from === to) continue;
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}
