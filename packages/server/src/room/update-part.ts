import type { DeleteRanges } from "../protocol/delete-ranges.ts";
import { putVarUint, varUintLength } from "../protocol/var-uint.ts";

/** What a deleted range takes at most, in documents that people write. */
export const RANGE_BYTES = 12;

/** What the numbers take at most that come before the structs, or the deletions, of a client. */
export function headerBytes(client: number, clock: number): number {
  return 4 + varUintLength(client) + varUintLength(clock);
}

/** Structs of one client, one after the other: a piece of the update that is split. */
export interface Run {
  readonly client: number;
  readonly clock: number;
  /** How many structs, `head` and `tail` included. */
  count: number;
  /** The rest of a struct that was cut before. */
  readonly head: Uint8Array | null;
  /** The whole structs: where they lie in the update. */
  from: number;
  to: number;
  /** The front of a struct that is cut. */
  tail: Uint8Array | null;
}

/** Deletions of one client: ranges from an index of its `ranges` up to, not including, another. */
export interface Deletions {
  readonly client: number;
  readonly ranges: DeleteRanges;
  readonly from: number;
  to: number;
}

/** What becomes one part of an update. */
export class UpdatePart {
  readonly runs: Run[] = [];
  readonly deletions: Deletions[] = [];
  /** About as many bytes as it will take; rather more. */
  bytes = 2;

  get isEmpty(): boolean {
    return this.runs.length === 0 && this.deletions.length === 0;
  }

  addRun(run: Run): void {
    this.runs.push(run);
    this.bytes += headerBytes(run.client, run.clock) + (run.head?.length ?? 0) + run.to - run.from;
  }

  addDeletions(deletions: Deletions): void {
    this.deletions.push(deletions);
    const { client, from, to } = deletions;
    this.bytes += headerBytes(client, 0) + (RANGE_BYTES / 2) * (to - from);
  }

  /** Its exact length when it is encoded. */
  get length(): number {
    let length = varUintLength(this.runs.length) + varUintLength(this.deletions.length);
    for (const { client, clock, count, head, from, to, tail } of this.runs) {
      length += varUintLength(count) + varUintLength(client) + varUintLength(clock);
      length += (head?.length ?? 0) + to - from + (tail?.length ?? 0);
    }
    for (const { client, ranges, from, to } of this.deletions) {
      length += varUintLength(client) + varUintLength((to - from) / 2);
      for (let i = from; i < to; i++) length += varUintLength(ranges[i] ?? 0);
    }
    return length;
  }

  /** Encodes it as an update. @param source the update that is split */
  put(bytes: Uint8Array, start: number, source: Uint8Array): void {
    let at = putVarUint(bytes, start, this.runs.length);
    // As Yjs writes them.
    this.runs.sort((a, b) => b.client - a.client);
    for (const { client, clock, count, head, from, to, tail } of this.runs) {
      at = putVarUint(bytes, at, count);
      at = putVarUint(bytes, at, client);
      at = putVarUint(bytes, at, clock);
      for (const piece of [head, source.subarray(from, to), tail]) {
        if (piece === null) continue;
        bytes.set(piece, at);
        at += piece.length;
      }
    }
    at = putVarUint(bytes, at, this.deletions.length);
    this.deletions.sort((a, b) => b.client - a.client);
    for (const { client, ranges, from, to } of this.deletions) {
      at = putVarUint(bytes, at, client);
      at = putVarUint(bytes, at, (to - from) / 2);
      for (let i = from; i < to; i++) at = putVarUint(bytes, at, ranges[i] ?? 0);
    }
  }
}
