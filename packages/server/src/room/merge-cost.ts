import type { UpdateContents } from "../protocol/update.ts";

/**
 * How much there is to merge in an update. Bytes do not say it: to merge interleaved updates of a few
 * kilobytes can take Yjs seconds.
 */
export interface MergeMass {
  /** Where Yjs may go on with another update: at each it looks at all that are merged. */
  readonly joints: number;
  /** What it reads and writes one by one. */
  readonly parts: number;
}

const US_PER_PART = 0.5;
const US_PER_LOOK = 0.015;
/** So many are merged at once; see `mergeUpdates`. */
const MOST_AT_ONCE = 64;

export function massOf(contents: UpdateContents): MergeMass {
  const { runs, structs, deleteClients, deleteRanges } = contents;
  return { joints: runs.length / 3 + deleteClients, parts: structs + deleteRanges };
}

/** About how long it takes to merge updates, in microseconds. */
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

/** The longest that the event loop merges for one answer, in microseconds. */
export const INLINE_MICROSECONDS = 300;

/**
 * Whether an update may be merged with any others on the event loop: together they take some
 * microseconds for each of them, and some tens of nanoseconds for each byte. What is not light is
 * kept and sent on its own. What people type is light.
 */
export function isLight({ joints, parts }: MergeMass, bytes: number): boolean {
  return joints <= 8 + bytes / 64 && parts <= 8 + bytes / 8;
}
