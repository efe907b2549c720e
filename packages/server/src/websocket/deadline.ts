/** The longest delay of a Node.js timer; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls a function at a given time, however far away. */
export class Deadline {
  readonly #reached: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(reached: () => void) {
    this.#reached = reached;
  }

  /** @param at in milliseconds since the epoch; `null` for never. Replaces the previous deadline */
  set(at: number | null): void {
    clearTimeout(this.#timer);
    if (at === null) return;
    const left = at - Date.now();
    if (left > MAX_TIMER_MS) this.#timer = setTimeout(() => this.set(at), MAX_TIMER_MS);
    else this.#timer = setTimeout(this.#reached, left);
  }
}
