import { TooLargeError } from "../protocol/too-large-error.ts";

/** Yjs itself and JSON walk what is nested by recursion. */
const MAX_DEPTH = 1_000;

/**
 * Counts what is built to show a document, while it is built. Documents can be written that are small
 * and become very large when they are shown, such as a text with thousands of formats on each of its
 * characters; it is stopped before that takes memory.
 */
export class OutputMeter {
  readonly #limit: number;
  #used = 0;

  /** @param limit in characters, about */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws TooLargeError when it is too much in all */
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

/** How large a document may become when it is shown, by its encoded size; none that people write does. */
export function outputLimit(bytes: number): number {
  return Math.min(MOST_BYTES, LEAST_BYTES + PER_BYTE * bytes);
}
