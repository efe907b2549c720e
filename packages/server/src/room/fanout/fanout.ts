import { type Frame, frameDiff } from "../../protocol/frame.ts";
import { decodeStateVector } from "../../protocol/state-vector.ts";
import { within } from "../../runtime/time-limit.ts";
import type { RoomAwareness } from "../awareness/room-awareness.ts";
import { type Base, EMPTY_BASE } from "../log/base.ts";
import type { Log } from "../log/log.ts";
import { type Origin, UNKNOWN } from "../origin.ts";
import type { RoomStats } from "../room-stats.ts";
import type { Subscriber } from "../subscriber.ts";
import { INLINE_MICROSECONDS, mergeMicroseconds } from "../updates/merge-cost.ts";
import { mergeUpdates } from "../updates/merge-updates.ts";
import { INLINE_BYTES } from "../workers/update-workers.ts";
import { FanoutBatch, FEW_SUBSCRIBERS } from "./fanout-batch.ts";
import type { Identities } from "./identities.ts";
import { sentLater, withhold } from "./owed-updates.ts";

/** How long a newcomer with an empty document waits for content that is about to be durable. */
const FIRST_CONTENT_MS = 1_000;

export interface FanoutOptions {
  readonly log: Log;
  readonly awareness: RoomAwareness;
  readonly subscribers: ReadonlySet<Subscriber>;
  readonly identities: Identities;
  readonly journal: { readonly slow: boolean };
  readonly stats: RoomStats;
  /** Computes what a base holds and a state vector does not cover. */
  readonly diff: (base: Base, stateVector: Uint8Array) => Promise<Pick<Base, "update" | "frame">>;
  /** Schedules a flush. */
  readonly schedule: () => void;
}

/**
 * Sends the subscribers of one room what they lack. Each has a cursor in the log and an awareness
 * version; subscribers at the same position share the same frames.
 *
 * Updates from others are sent with the next flush. A subscriber's own updates are sent back only once
 * they are durable, so that an echo is an acknowledgement. An update that is not durable is therefore
 * withheld from every subscriber that may have written it.
 */
export class Fanout {
  readonly #options: FanoutOptions;
  /** Offset of the first update of unknown origin that is not durable: withheld from all subscribers. */
  #unknownPendingFrom = Number.POSITIVE_INFINITY;
  readonly #firstContent: FirstContent = new FirstContent();

  constructor(options: FanoutOptions) {
    this.#options = options;
  }

  /** An update was appended at this offset; it is not durable. */
  appended(origin: Origin, offset: number): void {
    if (origin.kind === "session") {
      const { subscriber } = origin;
      subscriber.pendingFrom = Math.min(subscriber.pendingFrom, offset);
    } else {
      this.#unknownPendingFrom = Math.min(this.#unknownPendingFrom, offset);
    }
  }

  /** A session ends: the origin of its client's updates is unknown from now on. */
  ended(subscriber: Subscriber): void {
    const { log } = this.#options;
    this.#unknownPendingFrom = this.#pendingFrom(subscriber);
    log.disown(subscriber.origin, subscriber.pendingFrom);
  }

  /** Updates that were withheld, also from newcomers with an empty document, may be sent now. */
  released(): void {
    this.#firstContent.wake();
  }

  /** Sends every subscriber with a writable sink what it lacks. */
  flush(withAwareness: boolean): void {
    const batch = this.#newBatch();
    for (const subscriber of this.#options.subscribers) {
      this.#deliver(subscriber, batch, withAwareness);
    }
  }

  /** Sends a subscriber whose sink is writable again what it has missed. */
  resume(subscriber: Subscriber): void {
    this.#deliver(subscriber, this.#newBatch(), true);
  }

  /**
   * Sends a subscriber the complete awareness: now, or once its sink is writable again. Requests until
   * then are combined.
   */
  showAwareness(subscriber: Subscriber): void {
    const { awareness } = this.#options;
    const { writable, takesAwareness } = subscriber.sink;
    subscriber.isOwedAwareness = !writable && !takesAwareness;
    if (subscriber.isOwedAwareness) return;
    const isFirst = subscriber.awarenessVersion === null;
    subscriber.awarenessVersion = awareness.version;
    const reminder = isFirst ? null : awareness.reminder(subscriber, -1);
    const frame = isFirst ? awareness.show(subscriber, Date.now()) : awareness.all();
    const frames = [reminder, frame].filter((one) => one !== null);
    if (frames.length > 0) subscriber.sink.write(frames);
  }

  /**
   * Answers a state vector with what the client lacks; from then on the subscriber follows the log.
   *
   * @throws MalformedError when the state vector is malformed
   * @throws WorkerError when the difference to a large document could not be computed
   */
  async answer(subscriber: Subscriber, stateVector: Uint8Array): Promise<void> {
    const { log, subscribers } = this.#options;
    const isNew = decodeStateVector(stateVector).size === 0;
    if (isNew && this.#withholdsAllFrom(subscriber)) await this.#firstContent.wait();
    const { base, baseEnd } = log;
    const diff = isNew ? base : await this.#options.diff(base, stateVector);
    if (!subscribers.has(subscriber)) return;
    const began = performance.now();
    const limit = Math.min(log.end, this.#withheldFrom(subscriber, log.durable));
    const rest = [...log.entries(baseEnd, limit)];
    const bytes = rest.reduce((sum, entry) => sum + entry.update.length, diff.update.length);
    // A compaction may have moved part of the tail into the base while the difference was computed.
    const isWhole = log.baseEnd === baseEnd;
    if (isWhole && rest.length === 0) {
      subscriber.sink.write([diff.frame], stateVector);
    } else if (
      isWhole &&
      bytes <= INLINE_BYTES &&
      mergeMicroseconds([base.mass, ...rest]) <= INLINE_MICROSECONDS
    ) {
      const merged = mergeUpdates([diff.update, ...rest.map((entry) => entry.update)]);
      subscriber.sink.write([frameDiff(merged).frame], stateVector);
    } else {
      // Newer updates go first: the client keeps them pending until the answer to its state vector
      // arrives, which completes the document and marks the client as `synced`.
      subscriber.sink.write([...log.frames(baseEnd, limit), diff.frame], stateVector);
    }
    subscriber.cursor = limit;
    if (limit < log.end) this.#options.schedule();
    subscriber.sink.charge?.(performance.now() - began);
  }

  #newBatch(): FanoutBatch {
    const { log, awareness, subscribers } = this.#options;
    return new FanoutBatch(log, awareness, subscribers.size);
  }

  #deliver(subscriber: Subscriber, batch: FanoutBatch, withAwareness: boolean): void {
    const { awareness } = this.#options;
    const { writable, takesAwareness } = subscriber.sink;
    if (!writable && !takesAwareness) return;
    if (withAwareness && subscriber.isOwedAwareness) this.showAwareness(subscriber);
    const reminder = withAwareness
      ? awareness.reminder(subscriber, subscriber.awarenessVersion)
      : null;
    const states = withAwareness ? this.#statesFor(subscriber, batch) : null;
    this.#write(subscriber, writable ? this.#updatesFor(subscriber, batch) : [], reminder, states);
  }

  #write(
    subscriber: Subscriber,
    frames: Frame[],
    reminder: Frame | null,
    states: Frame | null,
  ): void {
    const { stats } = this.#options;
    stats.updatesOut += frames.length;
    if (reminder !== null) frames.push(reminder);
    if (states !== null) {
      stats.awarenessOut++;
      frames.push(states);
    }
    if (frames.length === 0) return;
    stats.deliveries++;
    subscriber.sink.write(frames);
  }

  /** The frame that brings a subscriber up to date with the awareness of others. */
  #statesFor(subscriber: Subscriber, batch: FanoutBatch): Frame | null {
    const { version } = this.#options.awareness;
    if (subscriber.awarenessVersion === version || subscriber.awarenessVersion === null)
      return null;
    const changed = batch.awareness(subscriber.awarenessVersion);
    subscriber.awarenessVersion = version;
    return changed === null || changed.solely === subscriber ? null : changed.frame;
  }

  /** The frames that bring a subscriber up to date with the log. */
  #updatesFor(subscriber: Subscriber, batch: FanoutBatch): Frame[] {
    const { log, identities, journal, subscribers } = this.#options;
    if (subscriber.cursor === null) return [];
    const pendingFrom = this.#pendingFrom(subscriber);
    const frames = sentLater(subscriber, subscriber.cursor, log, identities, pendingFrom);
    // In a large room most subscribers have written something that is not durable, and each would need
    // frames of its own; there, what follows such an update waits for the commit, unless that is slow.
    const skips = journal.slow || subscribers.size <= FEW_SUBSCRIBERS;
    const withheldFrom = this.#withheldFrom(subscriber, skips ? subscriber.cursor : log.durable);
    const limit = skips ? log.end : Math.min(log.end, withheldFrom);
    if (subscriber.cursor >= limit) return frames;
    if (withheldFrom < limit) {
      const from = Math.max(withheldFrom, subscriber.cursor);
      const shown = withhold(subscriber, from, log, identities);
      frames.push(...log.frames(subscriber.cursor, limit, shown));
    } else {
      frames.push(...batch.updates(subscriber.cursor, limit));
    }
    subscriber.cursor = limit;
    return frames;
  }

  /** Whether the document has content, all of which is withheld from this subscriber. */
  #withholdsAllFrom(subscriber: Subscriber): boolean {
    const { log } = this.#options;
    if (log.base !== EMPTY_BASE || log.durable > 0 || log.end === 0) return false;
    return subscriber.pendingFrom > 0 && this.#withheldFrom(subscriber, 0) === 0;
  }

  /** The offset of the first update from `from` on that is withheld until it is durable. */
  #withheldFrom(subscriber: Subscriber, from: number): number {
    const { log, identities } = this.#options;
    const pendingFrom = this.#pendingFrom(subscriber);
    if (identities.areSettled) return pendingFrom;
    for (const { origin, start } of log.entries(Math.max(from, log.durable), pendingFrom)) {
      if (identities.mayHaveWritten(origin, subscriber)) return start;
    }
    return pendingFrom;
  }

  /** The offset of the first update that is the subscriber's own, or of unknown origin, and not durable. */
  #pendingFrom(subscriber: Subscriber): number {
    const { log } = this.#options;
    if (subscriber.pendingFrom < log.durable)
      subscriber.pendingFrom = log.firstOf(subscriber.origin, log.durable);
    if (this.#unknownPendingFrom < log.durable) {
      this.#unknownPendingFrom = log.firstOf(UNKNOWN, log.durable);
    }
    return Math.min(subscriber.pendingFrom, this.#unknownPendingFrom);
  }
}

/**
 * Holds back the answer to clients with an empty document while the first content of the room is
 * withheld from them because it may be their own. A client that is told that a document is empty may
 * fill it with initial content, a second time; so such clients wait briefly until the content can be sent.
 */
class FirstContent {
  readonly #waiting: Set<() => void> = new Set();

  /** Resolves at the next `wake`, or after a second. */
  async wait(): Promise<void> {
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    await within(FIRST_CONTENT_MS, woken);
    this.#waiting.delete(wake);
  }

  /** Some withheld content may be sent now. */
  wake(): void {
    for (const wake of this.#waiting) wake();
  }
}
