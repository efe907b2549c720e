/**
 * Visits all members of a set, one slice at a time. Some microseconds per member, for thousands of
 * members in one go, would block the event loop.
 */
export class StaggeredSweep<T> {
  readonly #members: ReadonlySet<T>;
  readonly #shares: number;
  readonly #visit: (member: T, round: number) => void;
  #rest: Iterator<T>;
  #sharesLeft: number;
  #count = 0;

  /**
   * @param members may change at any time
   * @param shares the number of slices per round
   */
  constructor(members: ReadonlySet<T>, shares: number, visit: (member: T, round: number) => void) {
    this.#members = members;
    this.#shares = shares;
    this.#visit = visit;
    this.#rest = members.values();
    this.#sharesLeft = shares;
  }

  /** How many rounds have been completed. */
  get count(): number {
    return this.#count;
  }

  /** Visits the next slice. A round visits each member once, including those added meanwhile. */
  next(): void {
    this.#sharesLeft--;
    const isLast = this.#sharesLeft === 0;
    const share = isLast ? Number.POSITIVE_INFINITY : Math.ceil(this.#members.size / this.#shares);
    for (let visited = 0; visited < share; visited++) {
      const { value, done } = this.#rest.next();
      if (done === true) break;
      this.#visit(value, this.#count);
    }
    if (isLast) this.#begin();
  }

  #begin(): void {
    this.#count++;
    this.#sharesLeft = this.#shares;
    this.#rest = this.#members.values();
  }
}
