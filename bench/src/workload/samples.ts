/** A collection of numbers, stored exactly. */
export class Samples {
  #values = new Float64Array(1024);
  #count = 0;
  #sorted = false;

  get count(): number {
    return this.#count;
  }

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = value;
    this.#sorted = false;
  }

  /**
   * Returns the smallest value that at least `share` (0 to 1) of the values do not exceed;
   * undefined without values.
   */
  quantile(share: number): number | undefined {
    if (!this.#sorted) {
      this.#values.subarray(0, this.#count).sort();
      this.#sorted = true;
    }
    if (this.#count === 0) return undefined;
    return this.#values[Math.max(0, Math.ceil(share * this.#count) - 1)];
  }

  get largest(): number | undefined {
    return this.quantile(1);
  }
}
