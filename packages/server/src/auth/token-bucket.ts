/** An empty bucket is full again after this long without use. */
const BURST_S = 2;

/** Limits a rate: `perSecond` on average, and bursts of twice that after a pause. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #at: number;

  /** @param now in milliseconds of a monotonic clock, as for `take` */
  constructor(perSecond: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, perSecond * BURST_S);
    this.#tokens = this.#capacity;
    this.#at = now;
  }

  /** Takes one token if available. Returns false, taking nothing, if the limit is reached. */
  take(now: number): boolean {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
