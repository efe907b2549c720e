/**
 * Delay before the last sequence number is announced again. A lost message normally shows as a gap
 * when the next one arrives; after the final message there is no next one.
 */
const CONFIRM_MS = 1_000;
const BEAT_MS = 15_000;
const MIN_BEAT_MS = 200;

/**
 * Decides when a holder of a document sends heartbeats, which announce to the other holders that it
 * is alive and its last sequence number. Times are in milliseconds since the epoch.
 */
export class HeartbeatSchedule {
  /** Whether the next heartbeat asks the others for theirs. */
  wantsReply = false;
  #at = Number.POSITIVE_INFINITY;
  #confirmAt = Number.POSITIVE_INFINITY;
  #sentAt = 0;

  isDue(now: number): boolean {
    return now >= this.#at || now >= this.#confirmAt;
  }

  /** Schedules a heartbeat for this time at the latest. */
  by(time: number): void {
    this.#at = Math.min(this.#at, time);
  }

  /** A new holder has appeared: announces the sequence number to it soon. */
  met(now: number): void {
    this.by(now + CONFIRM_MS);
  }

  /** Changes were published: unless more follow, a heartbeat repeats their sequence number. */
  changed(now: number): void {
    this.#confirmAt = now + CONFIRM_MS;
  }

  /**
   * Another holder requests a heartbeat.
   *
   * @returns true if it should be sent immediately. Otherwise one is scheduled shortly, and
   *   serves all requests that arrive before it.
   */
  asked(now: number): boolean {
    if (now - this.#sentAt > MIN_BEAT_MS) return true;
    this.by(now + MIN_BEAT_MS);
    return false;
  }

  /** @param again whether there are other holders to send the next one to */
  sent(now: number, again: boolean): void {
    this.wantsReply = false;
    this.#sentAt = now;
    this.#confirmAt = Number.POSITIVE_INFINITY;
    this.#at = Number.POSITIVE_INFINITY;
    // Jitter keeps the holders from sending at the same time.
    if (again) this.by(now + BEAT_MS * (0.5 + Math.random() / 2));
  }
}
