/** So much may be on its way to a client of which nothing is known yet: two parts of a document. */
const FIRST_BYTES = 128 * 1024;
const MOST_BYTES = 4 * 1024 * 1024;
/** After so many bytes the client is asked whether it has them. */
const MARK_BYTES = 32 * 1024;
/** What is on its way should arrive within about this time: what is written now comes after it. */
const SOON_MS = 2_000;
/** A client that has what it was sent within this time is fast. */
const FAST_MS = 1_000;
/** Tells the pings of a window from others. */
const TAG = 0x77;

interface Mark {
  readonly number: number;
  readonly bytes: number;
  readonly at: number;
}

/**
 * How much may be on its way to one client. A socket is writable again when the kernel has taken
 * what was written; there, and in proxies, megabytes can wait, for minutes when the network is slow. So
 * a WebSocket ping follows what was written, and the pong says that it has arrived. The window grows
 * while that takes less than two seconds, and shrinks when it takes longer.
 */
export class FlightWindow {
  #size = FIRST_BYTES;
  #sent = 0;
  #marked = 0;
  #acknowledged = 0;
  #number = 0;
  #marks: Mark[] = [];
  #isFast = false;

  /** Whether a pong answers the ping of such a window. */
  static owns(payload: Uint8Array): boolean {
    return payload.length === 5 && payload[0] === TAG;
  }

  /** Whether more may be written. */
  get isOpen(): boolean {
    return this.#sent - this.#acknowledged < this.#size;
  }

  /** Whether what was sent last arrived at once. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /**
   * So many bytes have been written.
   *
   * @returns what a ping has to carry that is to be sent now; `null` when none is
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

  /** One of its pongs has come. @returns whether the window is open now and was not before */
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
