const MAX_BYTES = 4 * 1024 * 1024;

/** Messages that come while a document is being opened. What is dropped shows as a gap later. */
export class WaitingMessages {
  readonly #messages: Uint8Array[] = [];
  #bytes = 0;

  /** Keeps a copy. */
  add(message: Uint8Array): void {
    if (this.#bytes + message.length > MAX_BYTES) return;
    this.#messages.push(message.slice());
    this.#bytes += message.length;
  }

  [Symbol.iterator](): Iterator<Uint8Array> {
    return this.#messages.values();
  }
}
