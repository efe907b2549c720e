/** How many numbers a leaf may hold, two for each range. */
const LEAF = 256;

/**
 * A set of ranges of clocks; adjacent ranges are joined. It is a list of small sorted leaves, so that
 * adding a range moves few others, in whatever order they arrive.
 */
export class RangeSet {
  /** Each leaf holds pairs of first clock and clock after the last; no leaf is empty. */
  readonly #leaves: number[][] = [];

  /** Adds `[from, to)`. */
  add(from: number, to: number): void {
    if (to <= from) return;
    let start = from;
    let end = to;
    const index = Math.max(0, this.#leafOf(from));
    const leaf = this.#leaves[index];
    if (leaf === undefined) {
      this.#leaves.push([from, to]);
      return;
    }
    let at = rangeOf(leaf, from);
    const endBefore = leaf[at + 1];
    if (endBefore !== undefined && at >= 0 && endBefore >= start) {
      if (endBefore >= end) return;
      start = leaf[at] ?? start;
    } else {
      at += 2;
    }
    // Absorb the ranges that it touches, here and in the following leaves.
    let until = at;
    for (let next = leaf[until]; next !== undefined && next <= end; next = leaf[until]) {
      end = Math.max(end, leaf[until + 1] ?? end);
      until += 2;
    }
    while (until === leaf.length) {
      const next = this.#leaves[index + 1];
      if (next === undefined || (next[0] ?? end) > end) break;
      const taken = rangeOf(next, end) + 2;
      end = Math.max(end, next[taken - 1] ?? end);
      if (taken < next.length) {
        next.splice(0, taken);
        break;
      }
      this.#leaves.splice(index + 1, 1);
    }
    leaf.splice(at, until - at, start, end);
    if (leaf.length > LEAF) {
      const half = (leaf.length >>> 2) << 1;
      // Ranges that arrive in ascending order fill their leaves.
      const rest = leaf.splice(at === leaf.length - 2 ? at : half);
      this.#leaves.splice(index + 1, 0, rest);
    }
  }

  /** The clock after the range that contains `clock`; `clock` itself if none does. */
  endAt(clock: number): number {
    const leaf = this.#leaves[this.#leafOf(clock)];
    if (leaf === undefined) return clock;
    return Math.max(clock, leaf[rangeOf(leaf, clock) + 1] ?? clock);
  }

  /** Index of the last leaf that begins at or before `clock`; -1 if none does. */
  #leafOf(clock: number): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#leaves[middle]?.[0] ?? 0) <= clock) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Index in a leaf of the last range that begins at or before `clock`; -2 if none does. */
function rangeOf(leaf: readonly number[], clock: number): number {
  let low = 0;
  let high = leaf.length >>> 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaf[2 * middle] ?? 0) <= clock) low = middle + 1;
    else high = middle;
  }
  return 2 * (low - 1);
}
