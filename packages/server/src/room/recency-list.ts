/** What a `RecencyList` links. Only the list sets its neighbours. */
export interface Recent<T> {
  readonly version: number;
  older: T | null;
  newer: T | null;
}

/**
 * A list in the order of versions: what changed last is at its end. What is newer than a version,
 * and what is the oldest, is found without a look at the rest.
 */
export class RecencyList<T extends Recent<T>> {
  #oldest: T | null = null;
  #newest: T | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): T | null {
    return this.#oldest;
  }

  /** Adds one that is newer than all. */
  add(item: T): void {
    item.older = this.#newest;
    item.newer = null;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size++;
  }

  /** Removes one that is in the list. */
  delete(item: T): void {
    if (item.older === null) this.#oldest = item.newer;
    else item.older.newer = item.newer;
    if (item.newer === null) this.#newest = item.older;
    else item.newer.older = item.older;
    item.older = null;
    item.newer = null;
    this.#size--;
  }

  /** Those with a version above `version`, the newest first. */
  *newerThan(version: number): Generator<T> {
    for (let item = this.#newest; item !== null && item.version > version; item = item.older) {
      yield item;
    }
  }

  /** All, the oldest first. */
  *[Symbol.iterator](): Generator<T> {
    for (let item = this.#oldest; item !== null; item = item.newer) yield item;
  }
}
