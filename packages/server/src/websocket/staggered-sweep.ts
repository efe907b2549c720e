/**
 * Visits all members of a set, a share at a time: what takes some microseconds for each would, done for
 * thousands at once, keep everybody waiting.
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
   * @param shares how many shares make a round
   */
  constructor(members: ReadonlySet<T>, shares: number, visit: (member: T, round: number) => void) {
    this.#members = members;
    this.#shares = shares;
    this.#visit = visit;
    this.#rest = members.values();
    this.#sharesLeft = shares;
  }

  /** How many rounds have ended. */
  get count(): number {
    return this.#count;
  }

  /** Visits the next share. In a round each member is visited once, also those that come meanwhile. */
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
