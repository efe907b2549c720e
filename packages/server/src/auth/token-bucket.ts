/** Without any use for that long, a bucket is full. */
const BURST_S = 2;

/** Limits a rate: so many a second on average, and twice that at once after a pause. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #at: number;

  /** @param now in milliseconds of a clock that does not go back, as for `take` */
  constructor(perSecond: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, perSecond * BURST_S);
    this.#tokens = this.#capacity;
    this.#at = now;
  }

  /** Whether one more is within the limit; if not, it does not count. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
