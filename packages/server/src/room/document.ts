import { type Frame, frameDiff } from "../protocol/frame.ts";
import { decodeStateVector } from "../protocol/state-vector.ts";
import { inspectUpdate, isEmpty, type UpdateContents } from "../protocol/update.ts";
import type { PeerAwareness } from "../replication/message.ts";
import type { Peer } from "../replication/peer.ts";
import type { Replica } from "../replication/replica.ts";
import { AwarenessContests } from "./awareness-contests.ts";
import { type Base, EMPTY_BASE } from "./base.ts";
import { compactWithinBudget, mergeWithinBudget } from "./compact-within-budget.ts";
import type { DocumentServices, Publisher } from "./document-services.ts";
import { FanoutBatch } from "./fanout-batch.ts";
import { FirstContent } from "./first-content.ts";
import { Identities } from "./identities.ts";
import { Log } from "./log.ts";
import { INLINE_MICROSECONDS, mergeMicroseconds } from "./merge-cost.ts";
import { mergeUpdates } from "./merge-updates.ts";
import { sentLater, withhold } from "./owed.ts";
import { withoutCovered } from "./redundancy.ts";
import { RoomAwareness } from "./room-awareness.ts";
import { type Sink, Subscriber } from "./subscriber.ts";
import { INLINE_BYTES } from "./update-workers.ts";

/** After a compaction that took longer, there is none for this many times as long, but not forever. */
const SHORT_MS = 100;
const REST = 20;
const MAX_REST_MS = 30_000;
/** A longer tail is compacted in any case. */
const MOST_ENTRIES = 8 * 1024;

/**
 * One open document: its log, its presence, and the readers that follow them. It builds no `Y.Doc`.
 *
 * Readers get what others wrote at the next flush. What a reader's own client wrote is sent back
 * only when it is durable, so an echo is an acknowledgement.
 */
export class Document implements Replica {
  readonly room: string;
  readonly log: Log;
  readonly awareness: RoomAwareness = new RoomAwareness();
  readonly subscribers: Set<Subscriber> = new Set();
  readonly #identities: Identities = new Identities(this.subscribers);
  /** When the last update came, in milliseconds since the epoch; 0 before the first. */
  updatedAt = 0;
  /** Kept by the flusher, as is the next. */
  flushedAt = Number.NEGATIVE_INFINITY;
  awarenessFlushedAt = Number.NEGATIVE_INFINITY;
  readonly #services: DocumentServices;
  readonly #publisher: Publisher;
  readonly #contests: AwarenessContests;
  /** The first update without an author that is not durable holds up all readers. */
  readonly #anybody = { pendingFrom: Number.POSITIVE_INFINITY };
  readonly #firstContent: FirstContent = new FirstContent();
  #compacting = false;
  #giveUpCompaction: ((reason: Error) => void) | undefined;
  /** The size of the tail when it could not be compacted; it is tried again at twice that. */
  #failedAt = 0;
  /** Until then only a tail that has doubled the document is compacted, by `performance.now()`. */
  #restsUntil = 0;
  #discarded: Error | undefined;

  constructor(room: string, base: Base, services: DocumentServices, publisher: Publisher) {
    this.room = room;
    this.log = new Log(base);
    this.#services = services;
    this.#publisher = publisher;
    this.#contests = new AwarenessContests(this.awareness, {
      schedule: () => this.scheduleAwareness(),
      probe: (holder, client) => publisher.probe(holder, client),
    });
  }

  get fanOut(): number {
    return this.subscribers.size;
  }

  scheduleAwareness(): void {
    this.#services.scheduler.scheduleAwareness(this);
  }

  /** Ends all readers. From now on it takes no others and no updates, and both throw the reason. */
  discard(reason: Error): void {
    this.#discarded = reason;
    this.#giveUpCompaction?.(reason);
    for (const subscriber of [...this.subscribers]) subscriber.sink.close(reason);
  }

  attach(sink: Sink): Subscriber {
    if (this.#discarded !== undefined) throw this.#discarded;
    const subscriber = new Subscriber(sink);
    this.subscribers.add(subscriber);
    this.#identities.join(subscriber);
    return subscriber;
  }

  /** A client answered `Outlet.prove`: what was kept from others, or from it, need not be any more. */
  proved(subscriber: Subscriber, number: number): void {
    if (!this.subscribers.has(subscriber) || !this.#identities.proved(subscriber, number)) return;
    this.#firstContent.wake();
    if (this.log.durable < this.log.end) this.#services.scheduler.schedule(this);
  }

  /**
   * Ends a reader; whom its client introduced leaves the room. Its client may come back on another
   * connection, so what it wrote is from now on anybody's: it must not be acknowledged there either
   * before it is durable.
   */
  detach(subscriber: Subscriber, now: number): void {
    if (!this.subscribers.delete(subscriber)) return;
    this.#identities.leave(subscriber);
    const pendingFrom = this.#pendingFrom(subscriber);
    this.#anybody.pendingFrom = Math.min(this.#anybody.pendingFrom, pendingFrom);
    this.log.disown(subscriber, subscriber.pendingFrom);
    if (this.awareness.remove(subscriber, now)) this.scheduleAwareness();
  }

  /**
   * Takes a valid update.
   *
   * @param from whose client wrote it; `null` when it may be anybody's: what a client returns when
   *   it connects holds what it was sent by others, and whoever wrote that must not take it for an
   *   acknowledgement
   * @param contents of the update, if they are known
   */
  append(
    update: Uint8Array,
    from: Subscriber | null,
    now: number,
    contents: UpdateContents = inspectUpdate(update),
  ): void {
    if (this.#discarded !== undefined) throw this.#discarded;
    const offset = this.log.end;
    const author = from === null ? null : this.#identities.authorOf(contents.runs, from);
    this.log.append(update, author, contents);
    this.updatedAt = now;
    const pending = author instanceof Subscriber ? author : this.#anybody;
    if (pending.pendingFrom === Number.POSITIVE_INFINITY) pending.pendingFrom = offset;
    const { stats, journal } = this.#services;
    stats.updatesFromClients++;
    stats.updateBytesFromClients += update.length;
    journal.enqueue(this, update.length);
    this.#services.scheduler.schedule(this);
  }

  /**
   * Whether an update that a client returned is durable already. What is only in memory is taken
   * again: the client may be waiting for an acknowledgement, and this becomes it.
   */
  knows(update: Uint8Array, contents: UpdateContents): boolean {
    return this.log.content.includes(update, contents);
  }

  receive(update: Uint8Array, now: number, contents?: UpdateContents): void {
    const { stats } = this.#services;
    stats.updatesFromServers++;
    stats.updateBytesFromServers += update.length;
    this.log.append(update, "elsewhere", contents);
    this.updatedAt = now;
    this.#services.scheduler.schedule(this);
    this.#compactIfLarge();
  }

  async receiveIfNew(updates: readonly Uint8Array[], now: number): Promise<boolean> {
    const [first] = updates;
    if (first === undefined) return false;
    const { workers } = this.#services;
    // Looked at together: each look reads all that is known.
    const update =
      updates.length === 1 ? first : await mergeWithinBudget(this.room, updates, workers);
    if (update === null) {
      let isNew = false;
      for (const one of updates) if (await this.receiveIfNew([one], now)) isNew = true;
      return isNew;
    }
    const contents = await workers.run(this.room, "inspect", update);
    if (isEmpty(contents) || this.knows(update, contents)) return false;
    this.receive(update, now, contents);
    return true;
  }

  durableVector(): Uint8Array {
    return this.log.describeDurable().vector;
  }

  covers(stateVector: Uint8Array): boolean {
    for (const [client, clock] of decodeStateVector(stateVector)) {
      if (this.log.clockOf(client) < clock) return false;
    }
    return true;
  }

  async difference(stateVector: Uint8Array): Promise<readonly Uint8Array[]> {
    const { log } = this;
    const { base, baseEnd } = log;
    const vector = decodeStateVector(stateVector);
    const tail = [...log.entries(baseEnd, log.end)]
      .filter(({ author, end }) => end <= log.durable || author === "elsewhere")
      .map(({ update }) => update);
    const rest = withoutCovered(tail, vector);
    const diff = vector.size === 0 ? base : await this.#diff(base, stateVector);
    return [diff.update, ...rest];
  }

  receivePeerAwareness(states: readonly PeerAwareness[], peer: Peer): readonly PeerAwareness[] {
    return this.#contests.receiveFromPeer(states, peer);
  }

  probe(client: number): void {
    this.#contests.probed(client);
  }

  /** Everything below `offset` survives a crash: clients get their own updates back. */
  markDurable(offset: number): void {
    const { onChange } = this.#services;
    const { active } = this.#publisher;
    if (active || onChange !== undefined) {
      for (const { author, update } of this.log.entries(this.log.durable, offset)) {
        if (author === "elsewhere") continue;
        if (active) this.#publisher.add(update);
        onChange?.(this.room, update, author?.author ?? null);
      }
    }
    this.log.markDurable(offset);
    this.#firstContent.wake();
    this.#acknowledge();
    this.#services.scheduler.schedule(this);
    this.#compactIfLarge();
  }

  /**
   * Clients wait for their own updates: these do not wait for the next flush. Presence does: its
   * clients answer each message that brings some.
   */
  #acknowledge(): void {
    let batch: FanoutBatch | undefined;
    for (const subscriber of this.subscribers) {
      if (subscriber.pendingFrom >= this.log.durable || !subscriber.sink.writable) continue;
      batch ??= new FanoutBatch(this.log, this.awareness);
      this.#deliver(subscriber, batch, false);
    }
  }

  #compactIfLarge(): void {
    const { tailBytes, base, wantsCompaction } = this.log;
    const isLarge = tailBytes > Math.max(2 * INLINE_BYTES, base.update.length / 4);
    if ((!isLarge && !wantsCompaction) || tailBytes <= 2 * this.#failedAt) return;
    const isUrgent = tailBytes > base.update.length || this.log.tailLength > MOST_ENTRIES;
    if (!isUrgent && performance.now() < this.#restsUntil) return;
    this.compact().then(
      () => {
        this.#failedAt = 0;
      },
      () => {
        // The tail holds everything still. It is tried again when there is much more of it.
        this.#failedAt = this.log.tailBytes;
      },
    );
  }

  /** Asks a client for what is not durable here. */
  stateVectorFrame(): Frame {
    return this.log.describeDurable().frame;
  }

  /**
   * Answers a state vector with what the client lacks; from then on the reader follows the log.
   *
   * @throws MalformedError when the state vector is not one
   * @throws WorkerError when the difference to a large document could not be computed
   */
  async answer(subscriber: Subscriber, stateVector: Uint8Array): Promise<void> {
    const { log } = this;
    const isNew = decodeStateVector(stateVector).size === 0;
    if (isNew && this.#keepsAllFrom(subscriber)) await this.#firstContent.wait();
    const { base, baseEnd } = log;
    const diff = isNew ? base : await this.#diff(base, stateVector);
    if (!this.subscribers.has(subscriber)) return;
    const began = performance.now();
    const limit = Math.min(log.end, this.#withheldFrom(subscriber, log.durable));
    const rest = [...log.entries(baseEnd, limit)];
    const bytes = rest.reduce((sum, entry) => sum + entry.update.length, diff.update.length);
    // While the difference was computed, the base may have taken up some of the tail.
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
      // What is newer goes first: the client keeps it until the rest comes, and the answer to its
      // state vector, which makes it `synced`, completes it.
      subscriber.sink.write([...log.frames(baseEnd, limit), diff.frame], stateVector);
    }
    subscriber.cursor = limit;
    if (limit < log.end) this.#services.scheduler.schedule(this);
    subscriber.sink.charge?.(performance.now() - began);
  }

  /**
   * Moves what is durable into the base.
   *
   * @returns the base and the offset below which it holds everything
   * @throws WorkerError; the reason for which the document is discarded meanwhile
   */
  async compact(): Promise<{ base: Base; end: number }> {
    const { log } = this;
    if (this.#compacting || log.durable === log.baseEnd)
      return { base: log.base, end: log.baseEnd };
    const { end, updates } = log.compactable();
    this.#compacting = true;
    const began = performance.now();
    try {
      const services = this.#services;
      const base = await new Promise<Base>((resolve, reject) => {
        this.#giveUpCompaction = reject;
        compactWithinBudget(this.room, updates, services).then(resolve, reject);
      });
      // Readers that can take it get what they lack now, while it is still apart from the base.
      this.flush();
      log.replaceBase(base, end);
      return { base, end };
    } finally {
      this.#compacting = false;
      const now = performance.now();
      const took = now - began;
      if (took > SHORT_MS) this.#restsUntil = now + Math.min(REST * took, MAX_REST_MS);
    }
  }

  /** Sends every reader that can take it what it lacks. */
  flush(): void {
    this.#deliverAll(true);
  }

  flushUpdates(): void {
    this.#deliverAll(false);
  }

  /** Sends a reader whose outlet is writable again what it missed meanwhile. */
  resume(subscriber: Subscriber): void {
    if (!this.subscribers.has(subscriber)) return;
    this.#identities.drained(subscriber);
    this.#deliver(subscriber, new FanoutBatch(this.log, this.awareness), true);
  }

  /**
   * Shows a reader all who are present: now, or when its outlet is writable again, once for however
   * often it was asked for.
   */
  showAwareness(subscriber: Subscriber): void {
    const { awareness } = this;
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

  /** Takes what a client says of its presence. @throws MalformedError */
  receiveAwareness(states: Uint8Array, from: Subscriber, now: number): void {
    this.#services.stats.awarenessFromClients++;
    this.#contests.receive(states, from, now);
  }

  #deliverAll(withAwareness: boolean): void {
    const batch = new FanoutBatch(this.log, this.awareness);
    for (const subscriber of this.subscribers) this.#deliver(subscriber, batch, withAwareness);
    this.#publisher.flush();
  }

  #deliver(subscriber: Subscriber, batch: FanoutBatch, withAwareness: boolean): void {
    const { writable, takesAwareness } = subscriber.sink;
    if (!writable && !takesAwareness) return;
    if (withAwareness && subscriber.isOwedAwareness) this.showAwareness(subscriber);
    const reminder = withAwareness
      ? this.awareness.reminder(subscriber, subscriber.awarenessVersion)
      : null;
    const awareness = withAwareness ? this.#awareness(subscriber, batch) : null;
    this.#write(subscriber, writable ? this.#updates(subscriber, batch) : [], reminder, awareness);
  }

  #write(
    subscriber: Subscriber,
    frames: Frame[],
    reminder: Frame | null,
    awareness: Frame | null,
  ): void {
    const { stats } = this.#services;
    stats.updatesOut += frames.length;
    if (reminder !== null) frames.push(reminder);
    if (awareness !== null) {
      stats.awarenessOut++;
      frames.push(awareness);
    }
    if (frames.length === 0) return;
    stats.deliveries++;
    subscriber.sink.write(frames);
  }

  /** The frame that brings a reader up to date with the presence of others. */
  #awareness(subscriber: Subscriber, shared: FanoutBatch): Frame | null {
    const { version } = this.awareness;
    if (subscriber.awarenessVersion === version || subscriber.awarenessVersion === null)
      return null;
    const batch = shared.awareness(subscriber.awarenessVersion);
    subscriber.awarenessVersion = version;
    return batch === null || batch.solely === subscriber ? null : batch.frame;
  }

  /** The frames that bring a reader up to date with the log. */
  #updates(subscriber: Subscriber, shared: FanoutBatch): Frame[] {
    const { log } = this;
    if (subscriber.cursor === null) return [];
    const frames = sentLater(
      subscriber,
      subscriber.cursor,
      log,
      this.#identities,
      this.#pendingFrom(subscriber),
    );
    const { slow } = this.#services.journal;
    const withheldFrom = this.#withheldFrom(subscriber, slow ? subscriber.cursor : log.durable);
    const limit = slow ? log.end : Math.min(log.end, withheldFrom);
    if (subscriber.cursor >= limit) return frames;
    if (withheldFrom < limit) {
      const shown = withhold(
        subscriber,
        Math.max(withheldFrom, subscriber.cursor),
        log,
        this.#identities,
      );
      frames.push(...log.frames(subscriber.cursor, limit, shown));
    } else {
      frames.push(...shared.updates(subscriber.cursor, limit));
    }
    subscriber.cursor = limit;
    return frames;
  }

  /** Whether there is something in the document, and nothing that a reader may be shown. */
  #keepsAllFrom(subscriber: Subscriber): boolean {
    const { log } = this;
    if (log.base !== EMPTY_BASE || log.durable > 0 || log.end === 0) return false;
    return subscriber.pendingFrom > 0 && this.#withheldFrom(subscriber, 0) === 0;
  }

  /** The offset of the first update from `from` on that is kept from a reader until it is durable. */
  #withheldFrom(subscriber: Subscriber, from: number): number {
    const pendingFrom = this.#pendingFrom(subscriber);
    if (this.#identities.areSettled) return pendingFrom;
    const { log } = this;
    for (const { author, start } of log.entries(Math.max(from, log.durable), pendingFrom)) {
      if (this.#identities.mayHaveWritten(author, subscriber)) return start;
    }
    return pendingFrom;
  }

  /** The offset of the first update that is the reader's own, or anybody's, and is not durable. */
  #pendingFrom(subscriber: Subscriber): number {
    const { log } = this;
    if (subscriber.pendingFrom < log.durable)
      subscriber.pendingFrom = log.firstBy(subscriber, log.durable);
    if (this.#anybody.pendingFrom < log.durable) {
      this.#anybody.pendingFrom = log.firstBy(null, log.durable);
    }
    return Math.min(subscriber.pendingFrom, this.#anybody.pendingFrom);
  }

  async #diff(base: Base, stateVector: Uint8Array): Promise<{ frame: Frame; update: Uint8Array }> {
    if (base === EMPTY_BASE) return base;
    // A small document of many parts is sent sooner than a difference to it is found.
    const isSmall = base.update.length <= INLINE_BYTES;
    if (isSmall && mergeMicroseconds([base.mass]) > INLINE_MICROSECONDS) return base;
    return frameDiff(await this.#services.workers.run(this.room, "diff", base.update, stateVector));
  }
}
