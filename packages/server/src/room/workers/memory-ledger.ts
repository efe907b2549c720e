interface Waiting<Owner> {
  readonly owner: Owner;
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * Memory that several workers share. Each reserves what its task needs, and starts once that much is
 * free, in the order of the requests.
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
   * Calls `grant` once the memory is available, which may be immediately.
   *
   * @param bytes at most `limit`
   */
  reserve(owner: Owner, bytes: number, grant: () => void): void {
    this.#waiting.push({ owner, bytes, grant });
    this.#grant();
  }

  /** Ends the owner's reservation and its waiting requests. */
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
