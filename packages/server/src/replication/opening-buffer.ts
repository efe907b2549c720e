const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Buffers messages that arrive while a document is being opened. Dropped ones show as gaps later.
 */
export class OpeningBuffer {
  readonly #messages: Uint8Array[] = [];
  #bytes = 0;
  #arrived: (() => void) | undefined;

  /** Stores a copy, or drops the message if the buffer is full. */
  add(message: Uint8Array): void {
    this.#arrived?.();
    if (this.#bytes + message.length > MAX_BYTES) return;
    this.#messages.push(message.slice());
    this.#bytes += message.length;
  }

  /** Resolves when another message arrives, or after this time. */
  async next(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#arrived = undefined;
  }

  [Symbol.iterator](): Iterator<Uint8Array> {
    return this.#messages.values();
  }
}
