import type { Identity } from "./identity.ts";
import { type Origin, UNKNOWN } from "./origin.ts";
import type { Subscriber } from "./subscriber.ts";

/** Clients of a room are asked for a sign of life no more often, and so many of them at a time. */
const ROUND_MS = 1_000;
const MOST_PER_ROUND = 250;
/** Whoever writes for more Yjs clients than that passes on what others wrote. */
const MOST_WRITERS = 16;

/**
 * Tells the clients of one document apart. What is not durable must not be shown to a client that
 * may have written it: the client would take it for an acknowledgement.
 *
 * A client whose network broke comes back on a new connection while its old one still seems open,
 * and may hold messages that have not been read. So the older of two readers may be the former
 * connection of the newer one's client, until it proves the contrary: a client gives up one
 * connection before it opens the next, so whoever answers a ping that was sent after the other one
 * had joined is somebody else. The pings are numbered, because an old answer proves nothing.
 *
 * Two connections that are both alive may belong to one Yjs document. These write in the name of
 * the same Yjs client, and are never told apart.
 */
export class Identities {
  readonly #subscribers: ReadonlySet<Subscriber>;
  /** Those who are still to be asked before it begins anew. */
  #rest: Iterator<Subscriber>;
  #joined = 0;
  /** How many readers can come back, and how many of these were alive after the last one joined. */
  #clients = 0;
  #proven = 0;
  /** Readers that are not proven to be unlike another one by what they write. */
  #doubtful = 0;
  /** Who was first to write in the name of a Yjs client. */
  readonly #writers: Map<number, Subscriber> = new Map();
  #roundAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param readers of the document; the document adds them before `join`, and removes them */
  constructor(subscribers: ReadonlySet<Subscriber>) {
    this.#subscribers = subscribers;
    this.#rest = subscribers.values();
  }

  /** Whether all readers are told apart: then only who wrote something may be its author. */
  get areSettled(): boolean {
    return (this.#clients < 2 || this.#proven === this.#clients) && this.#doubtful === 0;
  }

  /** A reader was attached. The others are asked, soon, whether they are still there. */
  join(subscriber: Subscriber): void {
    if (subscriber.sink.prove === undefined) return;
    const { identity } = subscriber;
    this.#joined++;
    identity.joined = this.#joined;
    identity.aliveAt = this.#joined;
    identity.askedAt = this.#joined;
    this.#clients++;
    this.#proven = 1;
    this.#askSoon();
  }

  leave(subscriber: Subscriber): void {
    const { identity } = subscriber;
    if (identity.joined > 0) {
      this.#clients--;
      if (identity.aliveAt === this.#joined) this.#proven--;
    }
    if (identity.hasTwin || identity.isRelay) this.#doubtful--;
    for (const writer of identity.writers) {
      if (this.#writers.get(writer) === subscriber) this.#writers.delete(writer);
    }
    if (this.#clients < 2) this.#stop();
  }

  /**
   * A client answered the ping with this number.
   *
   * @returns whether that tells it apart from somebody
   */
  proved(subscriber: Subscriber, number: number): boolean {
    const { identity } = subscriber;
    if (!(number > identity.aliveAt && number <= identity.askedAt)) return false;
    identity.aliveAt = number;
    if (number === this.#joined) this.#proven++;
    return true;
  }

  /** The client can be written to again: it may not have been asked. */
  drained(subscriber: Subscriber): void {
    if (subscriber.identity.askedAt < this.#joined) this.#askSoon();
  }

  /**
   * Notes in whose name a client writes.
   *
   * @param runs those of the update, see `UpdateContents`
   * @returns the origin of the update, which is unknown when it holds the work of several Yjs clients
   */
  originOf(runs: ArrayLike<number>, subscriber: Subscriber): Origin {
    const writer = runs[0];
    if (writer === undefined) return subscriber.origin;
    for (let i = 3; i < runs.length; i += 3) if (runs[i] !== writer) return UNKNOWN;
    const { identity } = subscriber;
    if (identity.isRelay || identity.writers.includes(writer)) return subscriber.origin;
    if (identity.writers.length === MOST_WRITERS) {
      if (!identity.hasTwin) this.#doubtful++;
      identity.isRelay = true;
      return subscriber.origin;
    }
    identity.writers.push(writer);
    const first = this.#writers.get(writer);
    if (first === undefined) this.#writers.set(writer, subscriber);
    else for (const twin of [first, subscriber]) this.#setTwin(twin.identity);
    return subscriber.origin;
  }

  /** Whether a subscriber's client may have written what has this origin. */
  mayHaveWritten(origin: Origin, subscriber: Subscriber): boolean {
    switch (origin.kind) {
      case "unknown":
        return true;
      case "remote":
        return false;
      case "session":
        return (
          origin.subscriber === subscriber ||
          !areDistinct(origin.subscriber.identity, subscriber.identity)
        );
    }
  }

  #setTwin(identity: Identity): void {
    if (!identity.hasTwin && !identity.isRelay) this.#doubtful++;
    identity.hasTwin = true;
  }

  #askSoon(): void {
    if (this.#timer !== undefined || this.#clients < 2) return;
    const delay = this.#roundAt + ROUND_MS - performance.now();
    // In another turn: clients that come together cause one ping.
    this.#timer = setTimeout(() => this.#ask(), Math.max(0, Math.ceil(delay))).unref();
  }

  /** Asks those who were not asked since the last client joined. */
  #ask(): void {
    this.#timer = undefined;
    this.#roundAt = performance.now();
    let asked = 0;
    for (let left = this.#subscribers.size; left > 0; left--) {
      const { identity, sink } = this.#next();
      // Who is behind has not read an earlier ping either; see `drained`.
      if (identity.askedAt >= this.#joined || !sink.writable) continue;
      if (asked === MOST_PER_ROUND) {
        this.#askSoon();
        return;
      }
      asked++;
      identity.askedAt = this.#joined;
      sink.prove?.(this.#joined);
    }
  }

  /** @returns readers one after the other, for as long as there are any */
  #next(): Subscriber {
    for (;;) {
      const { value, done } = this.#rest.next();
      if (done !== true) return value;
      this.#rest = this.#subscribers.values();
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

function areDistinct(a: Identity, b: Identity): boolean {
  const [older, newer] = a.joined < b.joined ? [a, b] : [b, a];
  if (older.aliveAt < newer.joined || a.isRelay || b.isRelay) return false;
  return !(a.hasTwin || b.hasTwin) || !a.writers.some((writer) => b.writers.includes(writer));
}
