/** A client sends its awareness right after its state vector, if it sends any. */
const AFTER_STATE_VECTOR_MS = 30;
/** How long to wait for a client that sends nothing. */
const PATIENCE_MS = 500;

/**
 * Delays the room's awareness until the client has sent its own state, or has sent none for a while. A
 * client that was in the room before would otherwise take the room's old state of it for a newer one.
 */
export class Greeting {
  #show: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param show called once, unless cancelled first */
  begin(show: () => void): void {
    this.#show = show;
    this.#timer = setTimeout(() => this.done(), PATIENCE_MS);
  }

  /** The client has sent its state vector. */
  stateVectorCame(): void {
    if (this.#show === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.done(), AFTER_STATE_VECTOR_MS);
  }

  /** The client has sent its awareness, or has queried that of the room. */
  done(): void {
    const show = this.#show;
    if (show === undefined) return;
    this.cancel();
    show();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#show = undefined;
  }
}
