import { networkOf } from "../runtime/network-of-address.ts";

/**
 * The most to inspect and write at the same time. With 8 MiB, a hundred uploads delayed typing twice as
 * long, and none of them was finished earlier.
 */
const MOST_BYTES = 2 * 1024 * 1024;

/** Gives back what was reserved for an update. May be called more than once. */
export type Release = () => void;

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
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
  readonly #waiting: Map<string, Waiting[]> = new Map();

  /** @param mostBytes the limit; an update larger than this is admitted on its own */
  constructor(mostBytes: number = MOST_BYTES) {
    this.#mostBytes = mostBytes;
  }

  /** Waits for the turn of an update. Does not reject. @returns what to call once it is durable */
  async admit(address: string, bytes: number): Promise<Release> {
    if (this.#fits(bytes) && this.#waiting.size === 0) this.#bytes += bytes;
    else await this.#turn(networkOf(address), bytes);
    let isReserved = true;
    return () => {
      if (!isReserved) return;
      isReserved = false;
      this.#bytes -= bytes;
      this.#next();
    };
  }

  #turn(network: string, bytes: number): Promise<void> {
    const queue = this.#waiting.get(network) ?? [];
    this.#waiting.set(network, queue);
    return new Promise((admit) => queue.push({ bytes, admit }));
  }

  #next(): void {
    for (const [network, queue] of this.#waiting) {
      const [first] = queue;
      if (first === undefined || !this.#fits(first.bytes)) return;
      queue.shift();
      this.#waiting.delete(network);
      if (queue.length > 0) this.#waiting.set(network, queue);
      this.#bytes += first.bytes;
      first.admit();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#mostBytes;
  }
}
