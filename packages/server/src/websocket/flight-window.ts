/** The initial window, while nothing is known about the client: two document parts. */
const FIRST_BYTES = 128 * 1024;
const MOST_BYTES = 4 * 1024 * 1024;
/** Ping the client after this many bytes, to learn when they have arrived. */
const MARK_BYTES = 32 * 1024;
/** Data in flight should arrive within about this time, because later writes queue behind it. */
const SOON_MS = 2_000;
/** A client that acknowledges within this time is fast. */
const FAST_MS = 1_000;
/** Distinguishes the pings of a flight window from other pings. */
const TAG = 0x77;

interface Mark {
  readonly number: number;
  readonly bytes: number;
  readonly at: number;
}

/**
 * Limits the bytes in flight to one client. A socket is writable again once the kernel has accepted the
 * data, but megabytes can sit in the kernel and in proxies, for minutes on a slow network. So a
 * WebSocket ping follows the data, and its pong acknowledges the arrival. The window grows while that
 * takes less than two seconds, and shrinks when it takes more than four.
 */
export class FlightWindow {
  #size = FIRST_BYTES;
  #sent = 0;
  #marked = 0;
  #acknowledged = 0;
  #number = 0;
  #marks: Mark[] = [];
  #isFast = false;

  /** Whether a pong answers a ping of a flight window. */
  static owns(payload: Uint8Array): boolean {
    return payload.length === 5 && payload[0] === TAG;
  }

  /** Whether more may be written. */
  get isOpen(): boolean {
    return this.#sent - this.#acknowledged < this.#size;
  }

  /** Whether the last acknowledgement arrived within a second. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /**
   * Counts bytes that have been written.
   *
   * @returns the payload of a ping to send now, or `null` if none is due
   */
  written(bytes: number): Buffer | null {
    this.#sent += bytes;
    if (this.#sent - this.#marked < MARK_BYTES) return null;
    this.#marked = this.#sent;
    this.#number = (this.#number + 1) >>> 0;
    this.#marks.push({ number: this.#number, bytes: this.#sent, at: performance.now() });
    const payload = Buffer.alloc(5, TAG);
    payload.writeUInt32BE(this.#number, 1);
    return payload;
  }

  /** Handles a pong of this window. @returns whether it has opened the window */
  acknowledge(payload: Uint8Array): boolean {
    const number = new DataView(payload.buffer, payload.byteOffset).getUint32(1);
    const index = this.#marks.findIndex((mark) => mark.number === number);
    const mark = this.#marks[index];
    if (mark === undefined) return false;
    const wasOpen = this.isOpen;
    this.#marks.splice(0, index + 1);
    const took = performance.now() - mark.at;
    const bytes = mark.bytes - this.#acknowledged;
    this.#acknowledged = mark.bytes;
    this.#isFast = took < FAST_MS;
    if (took < SOON_MS) this.#size = Math.min(MOST_BYTES, this.#size + bytes);
    else if (took > 2 * SOON_MS) this.#size = Math.max(FIRST_BYTES, this.#size / 2);
    return !wasOpen && this.isOpen;
  }
}
