import type { Access, AccessControl, Attempt } from "../auth/access.ts";

/** The longest delay of a Node.js timer; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Decides what one client may do, and ends its access when that expires. */
export class ClientAccess {
  readonly attempt: Attempt;
  readonly #control: AccessControl;
  readonly #onExpired: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(attempt: Attempt, control: AccessControl, onExpired: () => void) {
    this.attempt = attempt;
    this.#control = control;
    this.#onExpired = onExpired;
  }

  /** Decides what the client may do now. @throws AccessDeniedError, AccessUnavailableError */
  decide(): Promise<Access> {
    return this.#control.authorize(this.attempt);
  }

  /** Ends the wait for the expiry. */
  close(): void {
    clearTimeout(this.#timer);
  }

  /** @param at in milliseconds since the epoch; `null` for never. Replaces the previous expiry */
  expireAt(at: number | null): void {
    clearTimeout(this.#timer);
    if (at === null) return;
    const left = at - Date.now();
    if (left > MAX_TIMER_MS) this.#timer = setTimeout(() => this.expireAt(at), MAX_TIMER_MS);
    else this.#timer = setTimeout(this.#onExpired, left);
  }
}
