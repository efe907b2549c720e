import { type Frame, frameDiff } from "../protocol/frame.ts";
import { decodeStateVector } from "../protocol/state-vector.ts";
import { TooLargeError } from "../protocol/too-large-error.ts";
import { inspectUpdate, isEmpty, type UpdateContents } from "../protocol/update.ts";
import type { AwarenessReport, PeerAwareness } from "../replication/message.ts";
import type { Peer } from "../replication/peer.ts";
import type { Replica } from "../replication/replica.ts";
import { AwarenessContests } from "./awareness/awareness-contests.ts";
import { RoomAwareness } from "./awareness/room-awareness.ts";
import { Fanout } from "./fanout/fanout.ts";
import { PendingFanout } from "./fanout/fanout-scheduler.ts";
import { Identities } from "./fanout/identities.ts";
import { type Base, EMPTY_BASE } from "./log/base.ts";
import { Log } from "./log/log.ts";
import type { Entry } from "./log/log-tail.ts";
import { type Origin, REMOTE } from "./origin.ts";
import type { JournaledRoom, RoomCommit } from "./persistence/commit-plan.ts";
import { mergeWithinBudget } from "./persistence/compact-within-budget.ts";
import { CompactionRunner } from "./persistence/compaction.ts";
import { NOTHING_STORED, Persistence, type StoredState } from "./persistence/persistence.ts";
import type { Stores } from "./persistence/stored-room.ts";
import type { RoomReplicator, RoomServices } from "./room-services.ts";
import { type Sink, Subscriber } from "./subscriber.ts";
import { INLINE_MICROSECONDS, mergeMicroseconds } from "./updates/merge-cost.ts";
import { withoutCovered } from "./updates/redundancy.ts";
import { INLINE_BYTES } from "./workers/update-workers.ts";

/**
 * One open document: its log, its awareness, its subscribers, and what the stores have of it. It builds
 * no `Y.Doc`.
 *
 * An update passes through two methods: `submit` accepts it from a writer, and `committed` follows once
 * the journal has it. Updates from other servers or the stores are durable already, and enter through
 * `receive`.
 */
export class Room implements Replica, JournaledRoom {
  readonly name: string;
  readonly log: Log;
  readonly awareness: RoomAwareness = new RoomAwareness();
  readonly subscribers: Set<Subscriber> = new Set();
  readonly persistence: Persistence;
  /** When the last update arrived, in milliseconds since the epoch; 0 before the first. */
  updatedAt = 0;
  readonly pending: PendingFanout = new PendingFanout();
  readonly #services: RoomServices;
  readonly #replicator: RoomReplicator;
  readonly #identities: Identities = new Identities(this.subscribers);
  readonly #fanout: Fanout;
  readonly #contests: AwarenessContests;
  readonly #compaction: CompactionRunner;
  #discarded: Error | undefined;

  /** @param stored what the stores have of `base` */
  constructor(
    name: string,
    base: Base,
    services: RoomServices,
    replicator: RoomReplicator,
    stored: StoredState = NOTHING_STORED,
  ) {
    const { awareness, subscribers } = this;
    const log = new Log(base);
    this.name = name;
    this.log = log;
    this.#services = services;
    this.#replicator = replicator;
    this.persistence = new Persistence(this, replicator, stored);
    this.#fanout = new Fanout({
      ...{ log, awareness, subscribers, identities: this.#identities },
      ...{ journal: services.journal, stats: services.stats },
      diff: (from, stateVector) => this.#diff(from, stateVector),
      schedule: () => this.#scheduleFanout(),
    });
    this.#contests = new AwarenessContests(awareness, {
      schedule: () => this.scheduleAwareness(),
      probe: (holder, client) => replicator.probe(holder, client),
    });
    this.#compaction = new CompactionRunner({
      ...{ room: name, log, services },
      onReplace: () => this.flush(),
    });
  }

  /**
   * Accepts a valid update from a session, the HTTP API or code in the process. This is the only entry
   * point for writers. The update is durable once `committed` has been called for it.
   *
   * @param contents of the update, if they are known
   * @returns the offset below which the log holds the update
   * @throws TooLargeError when the document would exceed its limit
   * @throws MalformedError when `contents` is missing and the update is malformed
   * @throws the reason for which the room was discarded
   */
  submit(
    update: Uint8Array,
    origin: Origin,
    contents: UpdateContents = inspectUpdate(update),
  ): number {
    if (!this.#admit(update, origin, contents)) return this.log.durable;
    const { stats, journal } = this.#services;
    const offset = this.log.end;
    const actual =
      origin.kind === "session"
        ? this.#identities.originOf(contents.runs, origin.subscriber)
        : origin;
    this.log.append(update, actual, contents);
    this.#fanout.appended(actual, offset);
    this.updatedAt = Date.now();
    stats.updatesFromClients++;
    stats.updateBytesFromClients += update.length;
    journal.enqueue(this, update.length);
    this.#scheduleFanout();
    return this.log.end;
  }

  /** The journal has written updates of this room: they survive a crash and may be sent to everyone. */
  committed({ rows, end }: RoomCommit): void {
    const written = this.#writtenBelow(end);
    this.persistence.journaled(rows);
    this.log.markDurable(end);
    this.#fanout.released();
    this.#replicate(written.map(({ update }) => update));
    this.#observe(written);
    this.#scheduleFanout();
    this.#compaction.runIfLarge();
  }

  /** @returns whether to accept the update; false if everything in it is already durable */
  #admit(update: Uint8Array, origin: Origin, contents: UpdateContents): boolean {
    if (this.#discarded !== undefined) throw this.#discarded;
    if (isEmpty(contents)) return false;
    if (origin.kind === "unknown" && this.knows(update, contents)) return false;
    const { maxDocumentBytes = Number.POSITIVE_INFINITY } = this.#services;
    if (this.log.bytes + update.length > maxDocumentBytes) {
      throw new TooLargeError(`the document would exceed ${maxDocumentBytes} bytes`);
    }
    return true;
  }

  /**
   * The updates below an offset that clients of this server wrote and that are not marked durable yet;
   * empty if neither another holder nor the observer needs them.
   */
  #writtenBelow(end: number): Entry[] {
    const { log } = this;
    if (!this.#replicator.active && this.#services.observer.updateCommitted === null) return [];
    return [...log.entries(log.durable, end)].filter(({ origin }) => origin.kind !== "remote");
  }

  /** Passes durable updates on to the other holders, if there are any. */
  #replicate(updates: readonly Uint8Array[]): void {
    if (!this.#replicator.active) return;
    for (const update of updates) this.#replicator.add(update);
    this.#services.publishing.schedule(this.#replicator);
  }

  #observe(written: readonly Entry[]): void {
    const { observer } = this.#services;
    if (observer.updateCommitted === null) return;
    for (const { origin, update } of written) {
      const author = origin.kind === "session" ? origin.subscriber.author : null;
      observer.updateCommitted(this.name, update, author);
    }
  }

  /**
   * Whether an update that a client sent back is already durable. An update that is only in memory is
   * accepted again: the client may be waiting for an acknowledgement, and its echo will be one.
   */
  knows(update: Uint8Array, contents: UpdateContents): boolean {
    return this.log.content.includes(update, contents);
  }

  /**
   * Starts a subscription.
   *
   * @param awareness `later`: the client has to identify itself before it is shown others
   * @throws the reason for which the room was discarded
   */
  attach(sink: Sink, awareness: "now" | "later" = "now"): Subscriber {
    if (this.#discarded !== undefined) throw this.#discarded;
    const subscriber = new Subscriber(sink);
    if (awareness === "later") subscriber.awarenessVersion = null;
    this.subscribers.add(subscriber);
    this.#identities.join(subscriber);
    return subscriber;
  }

  /**
   * Ends a subscription; the awareness clients that it introduced leave the room. Its client may return
   * on another connection, so the origin of its updates is unknown from now on: they must not be
   * acknowledged there either before they are durable.
   */
  detach(subscriber: Subscriber, now: number): void {
    if (!this.subscribers.delete(subscriber)) return;
    this.#identities.leave(subscriber);
    this.#fanout.ended(subscriber);
    if (this.awareness.remove(subscriber, now)) this.scheduleAwareness();
  }

  /** A client answered `Sink.prove`: updates withheld from it, or from others, may be sent now. */
  proved(subscriber: Subscriber, number: number): void {
    if (!this.subscribers.has(subscriber) || !this.#identities.proved(subscriber, number)) return;
    this.#fanout.released();
    if (this.log.durable < this.log.end) this.#scheduleFanout();
  }

  /** A frame that asks a client for everything that is not durable here. */
  stateVectorFrame(): Frame {
    return this.log.describeDurable().frame;
  }

  /** As `Fanout.answer`. */
  answer(subscriber: Subscriber, stateVector: Uint8Array): Promise<void> {
    return this.#fanout.answer(subscriber, stateVector);
  }

  /** Sends a subscriber whose sink is writable again what it has missed. */
  resume(subscriber: Subscriber): void {
    if (!this.subscribers.has(subscriber)) return;
    this.#identities.drained(subscriber);
    this.#fanout.resume(subscriber);
  }

  /** As `Fanout.showAwareness`. */
  showAwareness(subscriber: Subscriber): void {
    this.#fanout.showAwareness(subscriber);
  }

  /** Applies an awareness message from a client. @throws MalformedError */
  receiveAwareness(states: Uint8Array, from: Subscriber, now: number): void {
    this.#services.stats.awarenessFromClients++;
    this.#contests.receive(states, from, now);
  }

  get fanOut(): number {
    return this.subscribers.size;
  }

  flush(): void {
    this.#fanout.flush(true);
    if (this.#replicator.active) this.#services.publishing.scheduleAwareness(this.#replicator);
  }

  flushUpdates(): void {
    this.#fanout.flush(false);
  }

  scheduleAwareness(): void {
    this.#services.scheduler.scheduleAwareness(this);
  }

  receive(update: Uint8Array, now: number, contents?: UpdateContents): void {
    const { stats } = this.#services;
    stats.updatesFromServers++;
    stats.updateBytesFromServers += update.length;
    this.log.append(update, REMOTE, contents);
    this.updatedAt = now;
    this.#scheduleFanout();
    this.#compaction.runIfLarge();
  }

  async receiveIfNew(updates: readonly Uint8Array[], now: number): Promise<boolean> {
    const [first] = updates;
    if (first === undefined) return false;
    const { workers } = this.#services;
    // Check them together: each check searches everything that is known.
    const update =
      updates.length === 1 ? first : await mergeWithinBudget(this.name, updates, workers);
    if (update === null) {
      let isNew = false;
      for (const one of updates) if (await this.receiveIfNew([one], now)) isNew = true;
      return isNew;
    }
    const contents = await workers.run(this.name, "inspect", update);
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
      .filter(({ origin, end }) => end <= log.durable || origin.kind === "remote")
      .map(({ update }) => update);
    const rest = withoutCovered(tail, vector);
    const diff = vector.size === 0 ? base : await this.#diff(base, stateVector);
    return [diff.update, ...rest];
  }

  receivePeerAwareness(report: AwarenessReport, peer: Peer): readonly PeerAwareness[] {
    return this.#contests.receiveFromPeer(report, peer);
  }

  probe(client: number): void {
    this.#contests.probed(client);
  }

  /**
   * Adds what the stores have and this room lacks, and forwards it to the other holders, which may lack
   * it as well.
   *
   * @throws StorageError, WorkerError
   */
  async recover(stores: Stores): Promise<void> {
    this.#replicate(await this.persistence.recover(stores));
  }

  /** As `CompactionRunner.run`. */
  compact(): Promise<{ readonly base: Base; readonly end: number }> {
    return this.#compaction.run();
  }

  /** Ends all subscriptions. From now on, attaching a subscriber or submitting an update throws `reason`. */
  discard(reason: Error): void {
    this.#discarded = reason;
    this.#compaction.abandon(reason);
    for (const subscriber of [...this.subscribers]) subscriber.sink.close(reason);
  }

  #scheduleFanout(): void {
    this.#services.scheduler.schedule(this);
  }

  async #diff(base: Base, stateVector: Uint8Array): Promise<Pick<Base, "frame" | "update">> {
    if (base === EMPTY_BASE) return base;
    // Sending a small document of many parts is faster than computing a difference.
    const isSmall = base.update.length <= INLINE_BYTES;
    if (isSmall && mergeMicroseconds([base.mass]) > INLINE_MICROSECONDS) return base;
    return frameDiff(await this.#services.workers.run(this.name, "diff", base.update, stateVector));
  }
}
