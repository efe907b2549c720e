/** So long after the last change its number is told again: the next one would have shown its loss. */
const CONFIRM_MS = 1_000;
const BEAT_MS = 15_000;
const MIN_BEAT_MS = 200;

/**
 * When one holder of a document tells the others that it is there, and how far it is. Times are in
 * milliseconds since the epoch.
 */
export class HeartbeatSchedule {
  /** Whether the next beat asks the others for theirs. */
  wantsReply = false;
  #at = Number.POSITIVE_INFINITY;
  #confirmAt = Number.POSITIVE_INFINITY;
  #sentAt = 0;

  isDue(now: number): boolean {
    return now >= this.#at || now >= this.#confirmAt;
  }

  /** The next one is due at this time at the latest. */
  by(time: number): void {
    this.#at = Math.min(this.#at, time);
  }

  /** Another holder was met, which wants to know soon how far this one is. */
  met(now: number): void {
    this.by(now + CONFIRM_MS);
  }

  /** Changes were published: unless more follow, a beat tells their number again. */
  changed(now: number): void {
    this.#confirmAt = now + CONFIRM_MS;
  }

  /**
   * Another holder asks for a beat.
   *
   * @returns whether it makes sense at once; else one is due a little later, whoever else asks
   */
  asked(now: number): boolean {
    if (now - this.#sentAt > MIN_BEAT_MS) return true;
    this.by(now + MIN_BEAT_MS);
    return false;
  }

  /** @param again whether there is somebody to whom the next one is told */
  sent(now: number, again: boolean): void {
    this.wantsReply = false;
    this.#sentAt = now;
    this.#confirmAt = Number.POSITIVE_INFINITY;
    this.#at = Number.POSITIVE_INFINITY;
    // Not all holders at the same time.
    if (again) this.by(now + BEAT_MS * (0.5 + Math.random() / 2));
  }
}
