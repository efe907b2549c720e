import type { Access, AccessControl, Attempt } from "../auth/access.ts";

/** The longest delay of a Node.js timer; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What one client may do, and until when. */
export class ClientAccess {
  readonly attempt: Attempt;
  readonly #control: AccessControl;
  readonly #onExpired: () => void;
  #granted: Access | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(attempt: Attempt, control: AccessControl, onExpired: () => void) {
    this.attempt = attempt;
    this.#control = control;
    this.#onExpired = onExpired;
  }

  /** The access granted most recently; `null` until it has been decided. */
  get granted(): Access | null {
    return this.#granted;
  }

  /** Decides what the client may do now. @throws AccessDeniedError, AccessUnavailableError */
  decide(): Promise<Access> {
    return this.#control.authorize(this.attempt);
  }

  /** The decision holds from now on, until it expires. */
  grant(access: Access): void {
    this.#granted = access;
    this.#expireAt(access.expiresAt);
  }

  /** Ends the wait for the expiry. */
  close(): void {
    clearTimeout(this.#timer);
  }

  /** @param at in milliseconds since the epoch; `null` for never */
  #expireAt(at: number | null): void {
    clearTimeout(this.#timer);
    if (at === null) return;
    const left = at - Date.now();
    if (left > MAX_TIMER_MS) this.#timer = setTimeout(() => this.#expireAt(at), MAX_TIMER_MS);
    else this.#timer = setTimeout(this.#onExpired, left);
  }
}
