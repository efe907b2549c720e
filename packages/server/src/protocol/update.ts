import { createDecoder, type Decoder, readUint8, readVarUint } from "lib0/decoding";
import { checkJson } from "./json.ts";
import { skipAny } from "./lib0-any.ts";
import { decoding, MalformedError } from "./malformed-error.ts";
import { readString, skipString, takeBytes } from "./text.ts";

/**
 * The contents of an encoded Yjs update (format V1), found in one pass over its bytes without
 * building objects. The layout is that of `UpdateDecoderV1` and `readClientsStructRefs` in Yjs
 * 13.6.
 */
export interface UpdateContents {
  /**
   * The runs of structs without gaps: client id, first clock, clock after the last; repeated. Flat,
   * because there is one such list for every update that a client sends.
   */
  readonly runs: ArrayLike<number>;
  /** The byte offset of the delete set. */
  readonly deletesAt: number;
  /** Whether at least one range is deleted. */
  readonly hasDeletes: boolean;
  /** The number of structs, including skips. */
  readonly structs: number;
  /** The number of clients and of ranges in the delete set. */
  readonly deleteClients: number;
  readonly deleteRanges: number;
}

/**
 * Validates the structure of an encoded update and returns its contents.
 *
 * A valid update takes up all of the bytes, can be decoded by every Yjs client, and can be merged
 * with others. Its structs can not necessarily be integrated: structs that they depend on may not
 * have arrived yet.
 *
 * @throws MalformedError that says what is wrong
 */
export function inspectUpdate(update: Uint8Array): UpdateContents {
  return decoding("update", () => {
    const decoder = createDecoder(update);
    const { runs, structs } = readRuns(decoder);
    const deletesAt = decoder.pos;
    const { deleteClients, deleteRanges } = skipDeleteSet(decoder);
    const rest = update.length - decoder.pos;
    if (rest > 0) throw new MalformedError(restReason(update, rest));
    const hasDeletes = deleteRanges > 0;
    return { runs, deletesAt, hasDeletes, structs, deleteClients, deleteRanges };
  });
}

/**
 * Yjs ignores bytes after an update, so they would be lost silently. For an update in format V2
 * that is nearly everything: it begins with a zero, which in V1 means that nothing is inserted.
 */
function restReason(update: Uint8Array, rest: number): string {
  return update[0] === 0
    ? `${rest} bytes follow an update that inserts nothing; it is probably in format V2, and must be in V1`
    : `${rest} bytes follow the update; send one update at a time`;
}

/** Whether the update neither inserts nor deletes anything. */
export function isEmpty(contents: UpdateContents): boolean {
  return contents.runs.length === 0 && !contents.hasDeletes;
}

const SKIP = 10;
const HAS_ORIGIN = 0x80;
const HAS_RIGHT_ORIGIN = 0x40;
const HAS_PARENT_KEY = 0x20;
const CONTENT = 0x1f;

function readRuns(decoder: Decoder): { runs: number[]; structs: number } {
  const runs: number[] = [];
  let total = 0;
  const clients = readVarUint(decoder);
  let previousClient = Number.POSITIVE_INFINITY;
  for (let i = 0; i < clients; i++) {
    const structs = readVarUint(decoder);
    const client = readVarUint(decoder);
    let clock = readVarUint(decoder);
    total += structs;
    // Yjs always writes clients in descending order, and `mergeUpdates` loses structs of updates in
    // any other order.
    if (client >= previousClient) throw new MalformedError("clients are not in descending order");
    previousClient = client;
    let start = clock;
    for (let j = 0; j < structs; j++) {
      const info = readUint8(decoder);
      const length = info === SKIP ? readVarUint(decoder) : readStruct(decoder, info);
      // Yjs never writes an empty struct, and its merge and its search loops do not expect one.
      if (length === 0) throw new MalformedError("a struct of length 0");
      if (clock + length > Number.MAX_SAFE_INTEGER) throw new MalformedError("clock out of range");
      if (info === SKIP) {
        if (clock > start) runs.push(client, start, clock);
        start = clock + length;
      }
      clock += length;
    }
    if (clock > start) runs.push(client, start, clock);
  }
  return { runs, structs: total };
}

/** Skips one struct that is not itself a `skip`. @returns its length in clock units */
function readStruct(decoder: Decoder, info: number): number {
  const content = info & CONTENT;
  if (content === 0) return readVarUint(decoder);
  if (info & HAS_ORIGIN) skipId(decoder);
  if (info & HAS_RIGHT_ORIGIN) skipId(decoder);
  if (!(info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN))) {
    if (readVarUint(decoder) === 1) skipString(decoder);
    else skipId(decoder);
    if (info & HAS_PARENT_KEY) skipString(decoder);
  }
  return skipContent(decoder, content);
}

function skipId(decoder: Decoder): void {
  readVarUint(decoder);
  readVarUint(decoder);
}

function skipContent(decoder: Decoder, content: number): number {
  switch (content) {
    case 1: // deleted
      return readVarUint(decoder);
    case 2: // JSON
      return skipEach(decoder, skipJsonOrUndefined);
    case 3: // binary
      takeBytes(decoder);
      return 1;
    case 4: // string
      return skipString(decoder);
    case 5: // embed
      checkJson(readString(decoder));
      return 1;
    case 6: // format
      skipString(decoder);
      checkJson(readString(decoder));
      return 1;
    case 7: // type
      skipType(decoder);
      return 1;
    case 8: // any
      return skipEach(decoder, skipAny);
    case 9: // document
      skipString(decoder);
      skipAny(decoder);
      return 1;
    default:
      throw new MalformedError(`unknown content ${content}`);
  }
}

function skipEach(decoder: Decoder, skipOne: (decoder: Decoder) => void): number {
  const count = readVarUint(decoder);
  for (let i = 0; i < count; i++) skipOne(decoder);
  return count;
}

function skipJsonOrUndefined(decoder: Decoder): void {
  const json = readString(decoder);
  if (json !== "undefined") checkJson(json);
}

/** The types are 0 to 6; 3 (XML element) and 5 (XML hook) have a name. */
function skipType(decoder: Decoder): void {
  const type = readVarUint(decoder);
  if (type > 6) throw new MalformedError(`unknown type ${type}`);
  if (type === 3 || type === 5) skipString(decoder);
}

function skipDeleteSet(decoder: Decoder): { deleteClients: number; deleteRanges: number } {
  let deleteRanges = 0;
  const deleteClients = readVarUint(decoder);
  for (let i = 0; i < deleteClients; i++) {
    readVarUint(decoder);
    const ranges = readVarUint(decoder);
    deleteRanges += ranges;
    for (let j = 0; j < ranges; j++) {
      const clock = readVarUint(decoder);
      const length = readVarUint(decoder);
      if (clock + length > Number.MAX_SAFE_INTEGER) throw new MalformedError("clock out of range");
    }
  }
  return { deleteClients, deleteRanges };
}

/** The empty update. */
export const EMPTY_UPDATE: Uint8Array = Uint8Array.of(0, 0);
