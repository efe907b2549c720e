import type { Identity } from "../identity.ts";
import { type Origin, UNKNOWN, type WritingSubscriber } from "../origin.ts";
import type { Subscriber } from "../subscriber.ts";

/** The clients of a room are pinged at most this often, and at most this many at a time. */
const ROUND_MS = 1_000;
const MOST_PER_ROUND = 250;
/** A connection that writes for more Yjs clients than this counts as a relay for others. */
const MOST_WRITERS = 16;

/**
 * Distinguishes the clients of one room. An update that is not durable must not be sent to a client
 * that may have written it: the client would take it for an acknowledgement.
 *
 * A client whose network failed reconnects while its old connection still seems open, with messages
 * that the server has not read yet. So the older of two subscribers may be the former connection of the
 * newer one's client until proven otherwise. The proof: a client abandons one connection before it opens
 * the next, so an older connection that answers a ping sent after the newer one joined belongs to a
 * different client. Pings are numbered, because an answer to an older ping proves nothing.
 *
 * Two live connections may share one Yjs document. They write as the same Yjs client, and are never
 * treated as distinct.
 */
export class Identities {
  readonly #subscribers: ReadonlySet<Subscriber>;
  /** Subscribers not yet visited in the current pass. */
  #rest: Iterator<Subscriber>;
  #joined = 0;
  /** How many subscribers could reconnect, and how many of them were alive after the last one joined. */
  #clients = 0;
  #proven = 0;
  /** Subscribers that share a Yjs client with another one, or relay: writing does not tell them apart. */
  #doubtful = 0;
  /** The first subscriber to write as each Yjs client. */
  readonly #writers: Map<number, WritingSubscriber> = new Map();
  #roundAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** @param subscribers those of the room, which adds each before `join` and removes it later */
  constructor(subscribers: ReadonlySet<Subscriber>) {
    this.#subscribers = subscribers;
    this.#rest = subscribers.values();
  }

  /** Whether all subscribers are known to be distinct, so that each update has only one possible author. */
  get areSettled(): boolean {
    return (this.#clients < 2 || this.#proven === this.#clients) && this.#doubtful === 0;
  }

  /** A subscriber was attached. The others are soon asked whether they are still alive. */
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
   * @returns whether that distinguishes it from another client
   */
  proved(subscriber: Subscriber, number: number): boolean {
    const { identity } = subscriber;
    if (!(number > identity.aliveAt && number <= identity.askedAt)) return false;
    identity.aliveAt = number;
    if (number === this.#joined) this.#proven++;
    return true;
  }

  /** The client can be written to again: ping it if it was skipped before. */
  drained(subscriber: Subscriber): void {
    if (subscriber.identity.askedAt < this.#joined) this.#askSoon();
  }

  /**
   * Records which Yjs client a subscriber writes as.
   *
   * @param runs the update's runs; see `UpdateContents`
   * @returns the origin of the update; unknown if it contains the work of several Yjs clients
   */
  originOf(runs: ArrayLike<number>, subscriber: WritingSubscriber): Origin {
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

  /** Whether a subscriber's client may have written updates of this origin. */
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
    // In another turn, so that clients that join together cause a single ping.
    this.#timer = setTimeout(() => this.#ask(), Math.max(0, Math.ceil(delay))).unref();
  }

  /** Pings the clients that were not pinged since the last one joined. */
  #ask(): void {
    this.#timer = undefined;
    this.#roundAt = performance.now();
    let asked = 0;
    for (let left = this.#subscribers.size; left > 0; left--) {
      const { identity, sink } = this.#next();
      // A lagging client has not read an earlier ping either; see `drained`.
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

  /** Cycles through the subscribers; there must be at least one. */
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
