/** The shortest time between two rounds of publishing. */
const GATHER_MS = 10;
/** How long awareness waits for an update: a cursor usually moves because of an edit. */
const COMPANION_MS = 8;

/** A room's link to other servers, as the scheduler sees it. */
export interface Publishing {
  /** Publishes what the room has for other servers. Never throws. */
  flush(): void;
}

/**
 * Decides when rooms publish changes to other servers: an update at once after a pause, else together
 * with all other rooms every few milliseconds. A message to another server wakes up the bus and every
 * holder, so many at a time cost far less than one by one.
 */
export class PublishScheduler {
  readonly #waiting: Set<Publishing> = new Set();
  #publishedAt = Number.NEGATIVE_INFINITY;
  /** When the next round is due; `Infinity` if nothing waits. */
  #due = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** Publishes the room's updates soon; calls until then are combined. */
  schedule(room: Publishing): void {
    this.#wait(room, 0);
  }

  /** Publishes the room's awareness soon, with its next update if one follows. */
  scheduleAwareness(room: Publishing): void {
    this.#wait(room, COMPANION_MS);
  }

  #wait(room: Publishing, delay: number): void {
    this.#waiting.add(room);
    const now = performance.now();
    const due = Math.max(now + delay, this.#publishedAt + GATHER_MS);
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    if (due > now) this.#timer = setTimeout(() => this.#publish(), due - now);
    else setImmediate(() => this.#publish());
  }

  #publish(): void {
    this.#due = Number.POSITIVE_INFINITY;
    this.#publishedAt = performance.now();
    const rooms = [...this.#waiting];
    this.#waiting.clear();
    for (const room of rooms) room.flush();
  }
}
