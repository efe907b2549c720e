/** What a flusher flushes. */
export interface Flushable {
  /** How many outlets one flush may write to. */
  readonly fanOut: number;
  /** Sends its readers what they lack. Never throws. */
  flush(): void;
}

/** Up to this many outlets, a document is flushed at the end of the turn of the event loop. */
const SMALL_FAN_OUT = 8;
const DELAY_PER_OUTLET_MS = 0.4;
const MAX_DELAY_MS = 50;

/**
 * Decides when documents send what is new. A small room is flushed at the end of the turn. In a
 * large one each flush costs a write per client, so updates are gathered first, for longer the
 * larger it is: then n clients that all write cost on the order of n, not n².
 */
export class Flusher {
  #due: Set<Flushable> = new Set();
  #delayed: Map<Flushable, NodeJS.Timeout> = new Map();
  #immediate: NodeJS.Immediate | undefined;

  /** Flushes the document soon; once, however often it is called before. */
  schedule(document: Flushable): void {
    if (this.#due.has(document) || this.#delayed.has(document)) return;
    const { fanOut } = document;
    if (fanOut <= SMALL_FAN_OUT) {
      this.#due.add(document);
      this.#immediate ??= setImmediate(() => this.#flushDue());
      return;
    }
    const delay = Math.min(MAX_DELAY_MS, fanOut * DELAY_PER_OUTLET_MS);
    const timer = setTimeout(() => {
      this.#delayed.delete(document);
      document.flush();
    }, delay);
    this.#delayed.set(document, timer);
  }

  /** Forgets a document that is going away. */
  cancel(document: Flushable): void {
    this.#due.delete(document);
    clearTimeout(this.#delayed.get(document));
    this.#delayed.delete(document);
  }

  #flushDue(): void {
    this.#immediate = undefined;
    const due = this.#due;
    this.#due = new Set();
    for (const document of due) document.flush();
  }
}
