import { TooLargeError } from "../../protocol/too-large-error.ts";

/** Yjs and JSON traverse nested values recursively. */
const MAX_DEPTH = 1_000;

/**
 * Counts the output while a document is being shown. A small document can be crafted to become very large
 * when shown, such as a text with thousands of formats on each character; the meter stops the work before
 * it takes up memory.
 */
export class OutputMeter {
  readonly #limit: number;
  #used = 0;

  /** @param limit approximate limit, in characters */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws TooLargeError when the total exceeds the limit */
  add(characters: number): void {
    this.#used += characters;
    if (this.#used > this.#limit) {
      throw new TooLargeError(`the document is larger than ${this.#limit} bytes when it is shown`);
    }
  }

  /** @throws TooLargeError */
  enter(depth: number): void {
    this.add(2);
    if (depth > MAX_DEPTH) {
      throw new TooLargeError(`the document is nested deeper than ${MAX_DEPTH} levels`);
    }
  }
}

const LEAST_BYTES = 4 * 1024 * 1024;
const PER_BYTE = 8;
const MOST_BYTES = 64 * 1024 * 1024;

/** How large a document of this encoded size may become when shown; ordinary documents stay below. */
export function outputLimit(bytes: number): number {
  return Math.min(MOST_BYTES, LEAST_BYTES + PER_BYTE * bytes);
}
