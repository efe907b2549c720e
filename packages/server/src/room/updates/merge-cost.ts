import type { UpdateContents } from "../../protocol/update.ts";

/**
 * How much there is to merge in an update. Its size says little: merging interleaved updates of a few
 * kilobytes can take Yjs seconds.
 */
export interface MergeMass {
  /** Points at which Yjs may switch to another update; at each it checks all updates being merged. */
  readonly joints: number;
  /** Structs and deleted ranges, which it reads and writes one by one. */
  readonly parts: number;
}

const US_PER_PART = 0.5;
const US_PER_LOOK = 0.015;
/** At most this many updates are merged at once; see `mergeUpdates`. */
const MOST_AT_ONCE = 64;

export function massOf(contents: UpdateContents): MergeMass {
  const { runs, structs, deleteClients, deleteRanges } = contents;
  return { joints: runs.length / 3 + deleteClients, parts: structs + deleteRanges };
}

/** Estimates how long merging these updates takes, in microseconds. */
export function mergeMicroseconds(updates: Iterable<MergeMass>): number {
  let count = 0;
  let joints = 0;
  let parts = 0;
  for (const update of updates) {
    count++;
    joints += update.joints;
    parts += update.parts;
  }
  return Math.min(count, MOST_AT_ONCE) * joints * US_PER_LOOK + parts * US_PER_PART;
}

/** The longest that the event loop may merge for one answer, in microseconds. */
export const INLINE_MICROSECONDS = 300;

/**
 * Whether an update may be merged with other light ones on the event loop: that takes some microseconds
 * per update and some tens of nanoseconds per byte. Updates that are not light are kept and sent on their
 * own. What people type is light.
 */
export function isLight({ joints, parts }: MergeMass, bytes: number): boolean {
  return joints <= 8 + bytes / 64 && parts <= 8 + bytes / 8;
}
