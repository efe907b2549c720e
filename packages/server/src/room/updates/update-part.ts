import type { DeleteRanges } from "../../protocol/delete-ranges.ts";
import { putVarUint, varUintLength } from "../../protocol/var-uint.ts";

/** The most bytes that a deleted range takes, in documents that people write. */
export const RANGE_BYTES = 12;

/** The most bytes that the header of a client's structs, or of its deletions, takes. */
export function headerBytes(client: number, clock: number): number {
  return 4 + varUintLength(client) + varUintLength(clock);
}

/** Consecutive structs of one client: a section of the update being split. */
export interface Run {
  readonly client: number;
  readonly clock: number;
  /** Number of structs, including `head` and `tail`. */
  count: number;
  /** The rest of a struct that was cut in an earlier part. */
  readonly head: Uint8Array | null;
  /** Where the whole structs are in the update. */
  from: number;
  to: number;
  /** The front of a struct that is cut here. */
  tail: Uint8Array | null;
}

/** Deletions for one client: the numbers `[from, to)` of its `ranges`. */
export interface ClientDeletions {
  readonly client: number;
  readonly ranges: DeleteRanges;
  readonly from: number;
  to: number;
}

/** One part of an update while it is being assembled. */
export class UpdatePart {
  readonly runs: Run[] = [];
  readonly deletions: ClientDeletions[] = [];
  /** Estimated length when encoded, usually a little too large. */
  bytes = 2;

  get isEmpty(): boolean {
    return this.runs.length === 0 && this.deletions.length === 0;
  }

  addRun(run: Run): void {
    this.runs.push(run);
    this.bytes += headerBytes(run.client, run.clock) + (run.head?.length ?? 0) + run.to - run.from;
  }

  addDeletions(deletions: ClientDeletions): void {
    this.deletions.push(deletions);
    const { client, from, to } = deletions;
    this.bytes += headerBytes(client, 0) + (RANGE_BYTES / 2) * (to - from);
  }

  /** Exact length when encoded. */
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

  /** Encodes it as an update. @param source the update being split */
  put(bytes: Uint8Array, start: number, source: Uint8Array): void {
    let at = putVarUint(bytes, start, this.runs.length);
    // In the order in which Yjs writes them.
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
