/** A client greets right after its state vector, if it is present at all. */
const AFTER_STATE_VECTOR_MS = 30;
/** For how long a client may say nothing. */
const PATIENCE_MS = 500;

/**
 * Shows a client who is in the room when it has said who it is itself, or says nothing: it may have
 * been there before, and take what others know of it for news.
 */
export class Greeting {
  #show: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param show is called once, unless it is cancelled before */
  begin(show: () => void): void {
    this.#show = show;
    this.#timer = setTimeout(() => this.done(), PATIENCE_MS);
  }

  /** The client has said what it has of the document. */
  stateVectorCame(): void {
    if (this.#show === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.done(), AFTER_STATE_VECTOR_MS);
  }

  /** The client has said who it is, or asks who is there. */
  done(): void {
    const show = this.#show;
    this.cancel();
    show?.();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#show = undefined;
  }
}
