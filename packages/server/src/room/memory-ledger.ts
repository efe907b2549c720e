interface Waiting<Owner> {
  readonly owner: Owner;
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * Memory that several workers share: each says what its task needs, and begins when there is room for
 * it, in the order in which they asked.
 */
export class MemoryLedger<Owner extends object> {
  readonly limit: number;
  readonly #reserved: Map<Owner, number> = new Map();
  #waiting: Waiting<Owner>[] = [];
  #total = 0;

  /** @param limit in bytes */
  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * Calls `grant` when there is room, at once if there is.
   *
   * @param bytes at most `limit`
   */
  reserve(owner: Owner, bytes: number, grant: () => void): void {
    this.#waiting.push({ owner, bytes, grant });
    this.#grant();
  }

  /** The owner needs nothing any more, and waits for nothing. */
  release(owner: Owner): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.owner !== owner);
    this.#total -= this.#reserved.get(owner) ?? 0;
    this.#reserved.delete(owner);
    this.#grant();
  }

  #grant(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || this.#total + first.bytes > this.limit) return;
      this.#waiting.shift();
      this.#total += first.bytes;
      this.#reserved.set(first.owner, first.bytes);
      first.grant();
    }
  }
}
