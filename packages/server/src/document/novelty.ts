import { createDecoder, readVarUint } from "lib0/decoding";
import type { StateVector } from "../protocol/state-vector.ts";
import type { UpdateContents } from "../protocol/update.ts";

/** Ranges of deleted structs: client id to pairs of first clock and clock after the last. */
type Deletes = Map<number, [number, number][]>;

/**
 * Whether an update holds only what is known. Every client that connects returns its whole delete
 * set, whether or not the server has it; to keep and pass on each would cost every client of the
 * room something for each that connects.
 *
 * @param known a state vector, and encoded delete sets
 */
export function isKnown(
  update: Uint8Array,
  contents: UpdateContents,
  known: { stateVector: StateVector; deletes: readonly Uint8Array[] },
): boolean {
  if (isCovered(contents, known.stateVector)) return true;
  if (!hasOnlyOldStructs(contents, known.stateVector)) return false;
  const ours: Deletes = new Map();
  for (const deletes of known.deletes) readDeletes(deletes, ours);
  const theirs: Deletes = new Map();
  readDeletes(update.subarray(contents.deletesAt), theirs);
  for (const [client, ranges] of theirs) {
    if (!covers(joined(ours.get(client) ?? []), joined(ranges))) return false;
  }
  return true;
}

/** Whether a state vector says that all of an update is there; of deletions it says nothing. */
export function isCovered(contents: UpdateContents, vector: StateVector): boolean {
  return !contents.hasDeletes && hasOnlyOldStructs(contents, vector);
}

function hasOnlyOldStructs({ runs }: UpdateContents, vector: StateVector): boolean {
  for (let i = 0; i + 2 < runs.length; i += 3) {
    if ((runs[i + 2] ?? 0) > (vector.get(runs[i] ?? 0) ?? 0)) return false;
  }
  return true;
}

/** Joins ranges that touch or overlap. */
function joined(ranges: [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [from, to] of ranges.sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}

/** Both sorted, and `ours` joined. */
function covers(ours: readonly [number, number][], theirs: readonly [number, number][]): boolean {
  let i = 0;
  for (const [from, to] of theirs) {
    while ((ours[i]?.[1] ?? Number.POSITIVE_INFINITY) < to) i++;
    const range = ours[i];
    if (range === undefined || range[0] > from) return false;
  }
  return true;
}

function readDeletes(bytes: Uint8Array, into: Deletes): void {
  const decoder = createDecoder(bytes);
  const clients = readVarUint(decoder);
  for (let i = 0; i < clients; i++) {
    const client = readVarUint(decoder);
    const count = readVarUint(decoder);
    const ranges = into.get(client) ?? [];
    into.set(client, ranges);
    for (let j = 0; j < count; j++) {
      const clock = readVarUint(decoder);
      ranges.push([clock, clock + readVarUint(decoder)]);
    }
  }
}
