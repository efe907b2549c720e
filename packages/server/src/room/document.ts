import { type Frame, frameDiff } from "../protocol/frame.ts";
import { decodeStateVector } from "../protocol/state-vector.ts";
import { inspectUpdate, isEmpty, type UpdateContents } from "../protocol/update.ts";
import type { PeerPresence } from "../replication/message.ts";
import type { Peer } from "../replication/peer.ts";
import type { Replica } from "../replication/replica.ts";
import { type Base, EMPTY_BASE } from "./base.ts";
import { compactWithinBudget, mergeWithinBudget } from "./compact-within-budget.ts";
import type { DocumentServices, Publisher } from "./document-services.ts";
import { FirstContent } from "./first-content.ts";
import { Identities } from "./identities.ts";
import { Log } from "./log.ts";
import { INLINE_MICROSECONDS, mergeMicroseconds } from "./merge-cost.ts";
import { mergeUpdates } from "./merge-updates.ts";
import { withoutCovered } from "./novelty.ts";
import { sentLater, withhold } from "./owed.ts";
import { Presence } from "./presence.ts";
import { PresenceContests } from "./presence-contests.ts";
import { type Outlet, Reader } from "./reader.ts";
import { SharedNews } from "./shared-news.ts";
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
  readonly presence: Presence = new Presence();
  readonly readers: Set<Reader> = new Set();
  readonly #identities: Identities = new Identities(this.readers);
  /** When the last update came, in milliseconds since the epoch; 0 before the first. */
  updatedAt = 0;
  /** Kept by the flusher, as is the next. */
  flushedAt = Number.NEGATIVE_INFINITY;
  presenceFlushedAt = Number.NEGATIVE_INFINITY;
  readonly #services: DocumentServices;
  readonly #publisher: Publisher;
  readonly #contests: PresenceContests;
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
    this.#contests = new PresenceContests(this.presence, {
      schedule: () => this.schedulePresence(),
      probe: (holder, client) => publisher.probe(holder, client),
    });
  }

  get fanOut(): number {
    return this.readers.size;
  }

  schedulePresence(): void {
    this.#services.flusher.schedulePresence(this);
  }

  /** Ends all readers. From now on it takes no others and no updates, and both throw the reason. */
  discard(reason: Error): void {
    this.#discarded = reason;
    this.#giveUpCompaction?.(reason);
    for (const reader of [...this.readers]) reader.outlet.close(reason);
  }

  attach(outlet: Outlet): Reader {
    if (this.#discarded !== undefined) throw this.#discarded;
    const reader = new Reader(outlet);
    this.readers.add(reader);
    this.#identities.join(reader);
    return reader;
  }

  /** A client answered `Outlet.prove`: what was kept from others, or from it, need not be any more. */
  proved(reader: Reader, number: number): void {
    if (!this.readers.has(reader) || !this.#identities.proved(reader, number)) return;
    this.#firstContent.wake();
    if (this.log.durable < this.log.end) this.#services.flusher.schedule(this);
  }

  /**
   * Ends a reader; whom its client introduced leaves the room. Its client may come back on another
   * connection, so what it wrote is from now on anybody's: it must not be acknowledged there either
   * before it is durable.
   */
  detach(reader: Reader, now: number): void {
    if (!this.readers.delete(reader)) return;
    this.#identities.leave(reader);
    const pendingFrom = this.#pendingFrom(reader);
    this.#anybody.pendingFrom = Math.min(this.#anybody.pendingFrom, pendingFrom);
    this.log.disown(reader, reader.pendingFrom);
    if (this.presence.remove(reader, now)) this.schedulePresence();
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
    from: Reader | null,
    now: number,
    contents: UpdateContents = inspectUpdate(update),
  ): void {
    if (this.#discarded !== undefined) throw this.#discarded;
    const offset = this.log.end;
    const author = from === null ? null : this.#identities.authorOf(contents.runs, from);
    this.log.append(update, author, contents);
    this.updatedAt = now;
    const pending = author instanceof Reader ? author : this.#anybody;
    if (pending.pendingFrom === Number.POSITIVE_INFINITY) pending.pendingFrom = offset;
    const { stats, journal } = this.#services;
    stats.updatesFromClients++;
    stats.updateBytesFromClients += update.length;
    journal.enqueue(this, update.length);
    this.#services.flusher.schedule(this);
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
    this.#services.flusher.schedule(this);
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

  receivePeerPresence(states: readonly PeerPresence[], peer: Peer): readonly PeerPresence[] {
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
    this.#services.flusher.schedule(this);
    this.#compactIfLarge();
  }

  /**
   * Clients wait for their own updates: these do not wait for the next flush. Presence does: its
   * clients answer each message that brings some.
   */
  #acknowledge(): void {
    let news: SharedNews | undefined;
    for (const reader of this.readers) {
      if (reader.pendingFrom >= this.log.durable || !reader.outlet.writable) continue;
      news ??= new SharedNews(this.log, this.presence);
      this.#deliver(reader, news, false);
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
  async answer(reader: Reader, stateVector: Uint8Array): Promise<void> {
    const { log } = this;
    const isNew = decodeStateVector(stateVector).size === 0;
    if (isNew && this.#keepsAllFrom(reader)) await this.#firstContent.wait();
    const { base, baseEnd } = log;
    const diff = isNew ? base : await this.#diff(base, stateVector);
    if (!this.readers.has(reader)) return;
    const began = performance.now();
    const limit = Math.min(log.end, this.#withheldFrom(reader, log.durable));
    const rest = [...log.entries(baseEnd, limit)];
    const bytes = rest.reduce((sum, entry) => sum + entry.update.length, diff.update.length);
    // While the difference was computed, the base may have taken up some of the tail.
    const isWhole = log.baseEnd === baseEnd;
    if (isWhole && rest.length === 0) {
      reader.outlet.write([diff.frame], stateVector);
    } else if (
      isWhole &&
      bytes <= INLINE_BYTES &&
      mergeMicroseconds([base.mass, ...rest]) <= INLINE_MICROSECONDS
    ) {
      const merged = mergeUpdates([diff.update, ...rest.map((entry) => entry.update)]);
      reader.outlet.write([frameDiff(merged).frame], stateVector);
    } else {
      // What is newer goes first: the client keeps it until the rest comes, and the answer to its
      // state vector, which makes it `synced`, completes it.
      reader.outlet.write([...log.frames(baseEnd, limit), diff.frame], stateVector);
    }
    reader.cursor = limit;
    if (limit < log.end) this.#services.flusher.schedule(this);
    reader.outlet.charge?.(performance.now() - began);
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
  resume(reader: Reader): void {
    if (!this.readers.has(reader)) return;
    this.#identities.drained(reader);
    this.#deliver(reader, new SharedNews(this.log, this.presence), true);
  }

  /**
   * Shows a reader all who are present: now, or when its outlet is writable again, once for however
   * often it was asked for.
   */
  showPresence(reader: Reader): void {
    const { presence } = this;
    const { writable, takesPresence } = reader.outlet;
    reader.isOwedPresence = !writable && !takesPresence;
    if (reader.isOwedPresence) return;
    const isFirst = reader.presenceVersion === null;
    reader.presenceVersion = presence.version;
    const reminder = isFirst ? null : presence.reminder(reader, -1);
    const frame = isFirst ? presence.show(reader, Date.now()) : presence.all();
    const frames = [reminder, frame].filter((one) => one !== null);
    if (frames.length > 0) reader.outlet.write(frames);
  }

  /** Takes what a client says of its presence. @throws MalformedError */
  receivePresence(states: Uint8Array, from: Reader, now: number): void {
    this.#services.stats.presenceFromClients++;
    this.#contests.receive(states, from, now);
  }

  #deliverAll(withPresence: boolean): void {
    const news = new SharedNews(this.log, this.presence);
    for (const reader of this.readers) this.#deliver(reader, news, withPresence);
    this.#publisher.flush();
  }

  #deliver(reader: Reader, news: SharedNews, withPresence: boolean): void {
    const { writable, takesPresence } = reader.outlet;
    if (!writable && !takesPresence) return;
    if (withPresence && reader.isOwedPresence) this.showPresence(reader);
    const reminder = withPresence ? this.presence.reminder(reader, reader.presenceVersion) : null;
    const presence = withPresence ? this.#presence(reader, news) : null;
    this.#write(reader, writable ? this.#updates(reader, news) : [], reminder, presence);
  }

  #write(reader: Reader, frames: Frame[], reminder: Frame | null, presence: Frame | null): void {
    const { stats } = this.#services;
    stats.updatesOut += frames.length;
    if (reminder !== null) frames.push(reminder);
    if (presence !== null) {
      stats.presenceOut++;
      frames.push(presence);
    }
    if (frames.length === 0) return;
    stats.deliveries++;
    reader.outlet.write(frames);
  }

  /** The frame that brings a reader up to date with the presence of others. */
  #presence(reader: Reader, shared: SharedNews): Frame | null {
    const { version } = this.presence;
    if (reader.presenceVersion === version || reader.presenceVersion === null) return null;
    const news = shared.presence(reader.presenceVersion);
    reader.presenceVersion = version;
    return news === null || news.solely === reader ? null : news.frame;
  }

  /** The frames that bring a reader up to date with the log. */
  #updates(reader: Reader, shared: SharedNews): Frame[] {
    const { log } = this;
    if (reader.cursor === null) return [];
    const frames = sentLater(
      reader,
      reader.cursor,
      log,
      this.#identities,
      this.#pendingFrom(reader),
    );
    const { slow } = this.#services.journal;
    const withheldFrom = this.#withheldFrom(reader, slow ? reader.cursor : log.durable);
    const limit = slow ? log.end : Math.min(log.end, withheldFrom);
    if (reader.cursor >= limit) return frames;
    if (withheldFrom < limit) {
      const shown = withhold(reader, Math.max(withheldFrom, reader.cursor), log, this.#identities);
      frames.push(...log.frames(reader.cursor, limit, shown));
    } else {
      frames.push(...shared.updates(reader.cursor, limit));
    }
    reader.cursor = limit;
    return frames;
  }

  /** Whether there is something in the document, and nothing that a reader may be shown. */
  #keepsAllFrom(reader: Reader): boolean {
    const { log } = this;
    if (log.base !== EMPTY_BASE || log.durable > 0 || log.end === 0) return false;
    return reader.pendingFrom > 0 && this.#withheldFrom(reader, 0) === 0;
  }

  /** The offset of the first update from `from` on that is kept from a reader until it is durable. */
  #withheldFrom(reader: Reader, from: number): number {
    const pendingFrom = this.#pendingFrom(reader);
    if (this.#identities.areSettled) return pendingFrom;
    const { log } = this;
    for (const { author, start } of log.entries(Math.max(from, log.durable), pendingFrom)) {
      if (this.#identities.mayHaveWritten(author, reader)) return start;
    }
    return pendingFrom;
  }

  /** The offset of the first update that is the reader's own, or anybody's, and is not durable. */
  #pendingFrom(reader: Reader): number {
    const { log } = this;
    if (reader.pendingFrom < log.durable) reader.pendingFrom = log.firstBy(reader, log.durable);
    if (this.#anybody.pendingFrom < log.durable) {
      this.#anybody.pendingFrom = log.firstBy(null, log.durable);
    }
    return Math.min(reader.pendingFrom, this.#anybody.pendingFrom);
  }

  async #diff(base: Base, stateVector: Uint8Array): Promise<{ frame: Frame; update: Uint8Array }> {
    if (base === EMPTY_BASE) return base;
    // A small document of many parts is sent sooner than a difference to it is found.
    const isSmall = base.update.length <= INLINE_BYTES;
    if (isSmall && mergeMicroseconds([base.mass]) > INLINE_MICROSECONDS) return base;
    return frameDiff(await this.#services.workers.run(this.room, "diff", base.update, stateVector));
  }
}
