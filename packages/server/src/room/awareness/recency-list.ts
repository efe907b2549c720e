/** An item of a `RecencyList`. Only the list sets its neighbors. */
export interface Recent<T> {
  readonly version: number;
  older: T | null;
  newer: T | null;
}

/**
 * A list ordered by version: the item that changed last is at its end. Finding the oldest item, or all
 * items newer than a version, does not visit the others.
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

  /** Adds an item that is newer than all others. */
  add(item: T): void {
    item.older = this.#newest;
    item.newer = null;
    if (this.#newest === null) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size++;
  }

  /** Removes an item, which must be in the list. */
  delete(item: T): void {
    if (item.older === null) this.#oldest = item.newer;
    else item.older.newer = item.newer;
    if (item.newer === null) this.#newest = item.older;
    else item.newer.older = item.older;
    item.older = null;
    item.newer = null;
    this.#size--;
  }

  /** The items with a version above `version`, newest first. */
  *newerThan(version: number): Generator<T> {
    for (let item = this.#newest; item !== null && item.version > version; item = item.older) {
      yield item;
    }
  }

  /** All items, oldest first. */
  *[Symbol.iterator](): Generator<T> {
    for (let item = this.#oldest; item !== null; item = item.newer) yield item;
  }
}
