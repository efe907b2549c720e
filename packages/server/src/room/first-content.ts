import { within } from "../runtime/within.ts";

const WAIT_MS = 1_000;

/**
 * Clients with an empty document that would be told that there is nothing, while the first content is
 * kept from them because it may be their own. Whoever hears that a document is empty may fill it, a
 * second time: so these wait for a moment until the content may be shown.
 */
export class FirstContent {
  readonly #waiting: Set<() => void> = new Set();

  /** Resolves at the next `wake`, or after a second. */
  async wait(): Promise<void> {
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    await within(WAIT_MS, woken);
    this.#waiting.delete(wake);
  }

  /** More may be shown now. */
  wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
