/** The shortest time between two rounds of publishing. */
const GATHER_MS = 10;

/** A room's link to other servers, as the scheduler sees it. */
export interface Publishing {
  /** Publishes what the room has for other servers. Never throws. */
  flush(): void;
}

/**
 * Decides when rooms publish changes to other servers: at once after a pause, else together with all
 * other rooms every few milliseconds. A message to another server wakes up the bus and every holder, so
 * many at a time cost far less than one by one.
 */
export class PublishScheduler {
  readonly #waiting: Set<Publishing> = new Set();
  #publishedAt = Number.NEGATIVE_INFINITY;
  #isScheduled = false;

  /** Publishes soon; calls until then are combined. */
  schedule(room: Publishing): void {
    this.#waiting.add(room);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const delay = this.#publishedAt + GATHER_MS - performance.now();
    if (delay > 0) setTimeout(() => this.#publish(), delay);
    else setImmediate(() => this.#publish());
  }

  #publish(): void {
    this.#isScheduled = false;
    this.#publishedAt = performance.now();
    const rooms = [...this.#waiting];
    this.#waiting.clear();
    for (const room of rooms) room.flush();
  }
}
