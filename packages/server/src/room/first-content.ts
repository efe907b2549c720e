import { within } from "../runtime/within.ts";

const WAIT_MS = 1_000;

/**
 * Holds back the answer to clients with an empty document while the first content of the room is
 * withheld from them because it may be their own. A client that is told that a document is empty may
 * fill it with initial content, a second time; so such clients wait briefly until the content can be sent.
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

  /** Some withheld content may be sent now. */
  wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
