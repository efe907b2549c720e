import { networkOf } from "../runtime/network-of-address.ts";

/**
 * The most to inspect and write at the same time. With 8 MiB, a hundred uploads delayed typing twice as
 * long, and none of them was finished earlier.
 */
const MOST_BYTES = 2 * 1024 * 1024;

type AdmissionState = "waiting" | "admitted" | "over";

/** One large update: its place in the queue, and then its share of what is under way. */
export class Admission {
  readonly bytes: number;
  /** Resolves to whether the update may go on; false if it was cancelled. Does not reject. */
  readonly admitted: Promise<boolean>;
  readonly #resolve: (isAdmitted: boolean) => void;
  readonly #onOver: (admission: Admission, was: AdmissionState) => void;
  #state: AdmissionState = "waiting";

  constructor(bytes: number, onOver: (admission: Admission, was: AdmissionState) => void) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.bytes = bytes;
    this.admitted = promise;
    this.#resolve = resolve;
    this.#onOver = onOver;
  }

  admit(): void {
    this.#state = "admitted";
    this.#resolve(true);
  }

  /** The client is gone: gives up its place in the queue. Has no effect once it is admitted. */
  cancel(): void {
    if (this.#state === "waiting") this.release();
  }

  /** The update is durable, or not wanted. May be called more than once. */
  release(): void {
    if (this.#state === "over") return;
    const was = this.#state;
    this.#state = "over";
    this.#resolve(false);
    this.#onOver(this, was);
  }
}

/**
 * Admits large updates at the rate at which the journal writes them. A hundred clients may each send a
 * megabyte at the same moment; taken together, they would keep the event loop, the workers and the disk
 * busy for so long that everyone who types would notice.
 *
 * Updates reserve their size until they are durable. Those that do not fit wait, and their clients are
 * not read meanwhile. Networks take turns.
 */
export class LargeUpdates {
  readonly #mostBytes: number;
  #bytes = 0;
  /** The updates of each network that wait, in the order of arrival. The first network is next. */
  readonly #waiting: Map<string, Set<Admission>> = new Map();

  /** @param mostBytes the limit; an update larger than this is admitted on its own */
  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** Requests the admission of an update. The caller has to release or cancel it. */
  request(address: string, bytes: number): Admission {
    const network = networkOf(address);
    const admission = new Admission(bytes, (one, was) => this.#over(network, one, was));
    const queue = this.#waiting.get(network) ?? new Set();
    this.#waiting.set(network, queue.add(admission));
    this.#admitNext();
    return admission;
  }

  #over(network: string, admission: Admission, was: AdmissionState): void {
    if (was === "admitted") this.#bytes -= admission.bytes;
    else this.#remove(network, admission);
    this.#admitNext();
  }

  #admitNext(): void {
    for (const [network, queue] of this.#waiting) {
      const [first] = queue;
      if (first === undefined || !this.#fits(first.bytes)) return;
      this.#remove(network, first);
      if (queue.size > 0) {
        // To the end: it is the turn of the others.
        this.#waiting.delete(network);
        this.#waiting.set(network, queue);
      }
      this.#bytes += first.bytes;
      first.admit();
    }
  }

  #remove(network: string, admission: Admission): void {
    const queue = this.#waiting.get(network);
    queue?.delete(admission);
    if (queue?.size === 0) this.#waiting.delete(network);
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#mostBytes;
  }
}
