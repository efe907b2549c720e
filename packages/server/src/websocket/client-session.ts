import { type Access, AccessDeniedError, type AccessLevel } from "../auth/access.ts";
import type { MessageReceiver } from "../protocol/message.ts";
import { inspectUpdate, isEmpty, type UpdateContents } from "../protocol/update.ts";
import { EMPTY_BASE } from "../room/log/base.ts";
import { type Origin, UNKNOWN } from "../room/origin.ts";
import type { Room } from "../room/room.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { Session } from "../room/session.ts";
import { INLINE_SCAN_BYTES } from "../room/workers/update-workers.ts";
import { allocateShared } from "../runtime/byte-memory.ts";
import { within } from "../runtime/time-limit.ts";
import type { Greeting } from "./greeting.ts";
import type { Incoming } from "./incoming.ts";
import type { AnswerReceiver, LargeAnswers } from "./large-answers.ts";
import type { Admission, LargeUpdates } from "./large-updates.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { Outgoing } from "./outgoing.ts";
import type { UnfinishedMessage } from "./unfinished-messages.ts";

export interface ClientSessionOptions {
  readonly session: Session;
  readonly access: Access;
  readonly connection: AnswerReceiver & { fail(error: unknown): void };
  readonly incoming: Incoming;
  readonly outgoing: Outgoing;
  readonly greeting: Greeting;
  readonly unfinished: UnfinishedMessage;
  readonly services: {
    readonly rooms: RoomTable;
    readonly guard: MemoryGuard;
    readonly largeAnswers: LargeAnswers;
    readonly largeUpdates: LargeUpdates;
  };
}

const MAY_NOT_WRITE = "this connection may not change the document";
/** Updates and documents larger than this have to wait while memory is short. */
const LARGE_BYTES = 256 * 1024;
/** Updates larger than this are admitted at the rate at which the journal writes them. */
const LARGE_UPDATE_BYTES = 8 * 1024;
/** The longest that such an update keeps its place because it is not durable yet. */
const DURABLE_MS = 1_000;
/** Stop reading from a client that does not read, if its pending state vector is larger than this. */
const MOST_UNANSWERED_BYTES = 16 * 1024;

/** An admitted client: handles its messages, as far as its access allows, in its session of the room. */
export class ClientSession implements MessageReceiver {
  readonly session: Session;
  /** The access granted most recently. */
  access: Access;
  readonly #options: ClientSessionOptions;
  /** A state vector that arrived while the client was not reading. */
  #unanswered: Uint8Array | null = null;
  #onWritable: (() => void) | undefined;
  /** Of the large update that came last. */
  #admission: Admission | null = null;
  #isOver = false;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.session = options.session;
    this.access = options.access;
  }

  /** Whether a state vector waits until the client reads. */
  get hasPending(): boolean {
    return this.#unanswered !== null;
  }

  onStateVector(stateVector: Uint8Array): void {
    const { greeting, outgoing, incoming, services, connection } = this.#options;
    const { room, subscriber } = this.session;
    greeting.stateVectorCame();
    if (!outgoing.writable) {
      this.#answerLater(stateVector.slice());
      return;
    }
    if (this.access.level === "presence-only") {
      outgoing.write([EMPTY_BASE.frame]);
      return;
    }
    const own = stateVector.slice();
    const answer = async () => {
      if (!this.#isOver) await room.answer(subscriber, own);
    };
    const isLarge = room.log.bytes > LARGE_BYTES;
    if (!isLarge) {
      incoming.wait(answer());
      return;
    }
    // The answer to an empty client is shared with others. A diff is not, and its parts are kept too.
    const bytes = own[0] === 0 ? 0 : 2 * room.log.bytes;
    outgoing.reserve(bytes);
    const whenRead = () => outgoing.whenRead();
    incoming.wait(services.largeAnswers.run(connection, bytes, answer, whenRead));
  }

  onDiff(update: Uint8Array): void {
    this.#take(update, UNKNOWN);
  }

  onUpdate(update: Uint8Array): void {
    this.#take(update, this.session.subscriber.origin);
  }

  onAwareness(states: Uint8Array): void {
    const { room, subscriber } = this.session;
    room.receiveAwareness(states, subscriber, Date.now());
    this.#options.greeting.done();
  }

  onAwarenessQuery(): void {
    const { room, subscriber } = this.session;
    if (subscriber.awarenessVersion === null) this.#options.greeting.done();
    else room.showAwareness(subscriber);
  }

  /** Answers a state vector that could not be answered when it arrived. @returns whether there was one */
  answerPending(): boolean {
    const stateVector = this.#unanswered;
    if (stateVector === null || !this.#options.outgoing.writable) return false;
    this.#unanswered = null;
    this.onStateVector(stateVector);
    return true;
  }

  /** The client reads again. */
  becameWritable(): void {
    this.#onWritable?.();
    this.#onWritable = undefined;
  }

  /** Ends the session. Nothing is handled any more. */
  end(): void {
    this.#isOver = true;
    this.#unanswered = null;
    this.#admission?.cancel();
    this.session[Symbol.dispose]();
  }

  /**
   * Defers the answer until the client reads again. The newest state vector replaces earlier ones, whose
   * answers it includes.
   */
  #answerLater(stateVector: Uint8Array): void {
    this.#unanswered = stateVector;
    if (stateVector.length <= MOST_UNANSWERED_BYTES) return;
    this.#options.incoming.wait(
      new Promise((resolve) => {
        this.#onWritable = resolve;
      }),
    );
  }

  /** @param origin unknown for sync step 2, which may hold what others wrote */
  #take(update: Uint8Array, origin: Origin): void {
    const { incoming } = this.#options;
    const { room } = this.session;
    const { level } = this.access;
    if (level !== "read-write") {
      if (isRefused(update, origin, level, room)) this.#forbid();
    } else if (update.length > LARGE_UPDATE_BYTES) {
      incoming.wait(this.#takeLarge(update, origin));
    } else {
      const wait = this.#submit(update, inspectUpdate(update), origin);
      if (wait !== null) incoming.wait(wait);
    }
  }

  async #takeLarge(update: Uint8Array, origin: Origin): Promise<void> {
    const { unfinished, incoming, services, connection } = this.#options;
    unfinished.hold(update.length);
    const admission = services.largeUpdates.request(connection.address, update.length);
    this.#admission = admission;
    let durable = Promise.resolve();
    try {
      if (!(await admission.admitted) || this.#isOver) return;
      const { own, contents } = await this.#inspect(update);
      unfinished.release();
      const began = performance.now();
      const wait = this.#submit(own, contents, origin);
      incoming.charge(performance.now() - began);
      durable = this.#whenDurable();
      await wait;
    } finally {
      unfinished.release();
      void durable.then(() => admission.release());
    }
  }

  /**
   * Resolves when what the log holds now is durable. While the journal fails or is stalled, does not wait
   * for it: then its backlog is the limit. Does not reject.
   */
  async #whenDurable(): Promise<void> {
    const { room } = this.session;
    const { rooms } = this.#options.services;
    if (room.log.durable >= room.log.end || rooms.journal.problem !== undefined) return;
    await within(DURABLE_MS, rooms.whenDurable(room, room.log.end)).catch(() => {});
  }

  /** Inspects an update, the largest ones in a worker. @returns what to keep of it, and its contents */
  async #inspect(update: Uint8Array): Promise<{ own: Uint8Array; contents: UpdateContents }> {
    if (update.length <= INLINE_SCAN_BYTES) {
      const began = performance.now();
      const contents = inspectUpdate(update);
      this.#options.incoming.charge(performance.now() - began);
      return { own: update, contents };
    }
    const own = allocateShared(update.length);
    own.set(update);
    const { workers } = this.#options.services.rooms;
    return { own, contents: await workers.run(this.session.room.name, "inspect", own) };
  }

  /** @returns what to wait for before the next message, if anything */
  #submit(update: Uint8Array, contents: UpdateContents, origin: Origin): Promise<void> | null {
    if (this.#isOver || isEmpty(contents)) return null;
    const { connection, services } = this.#options;
    // Access may have been reduced while a large update was inspected.
    if (this.access.level !== "read-write") {
      this.#forbid();
      return null;
    }
    try {
      this.session.room.submit(update, origin, contents);
    } catch (error) {
      connection.fail(error);
      return null;
    }
    const { journal } = services.rooms;
    if (journal.full) return journal.whenNotFull();
    if (update.length > LARGE_BYTES && this.#isMemoryShort()) return services.guard.whenNotFull();
    return null;
  }

  #forbid(): void {
    this.#options.connection.fail(new AccessDeniedError("forbidden", MAY_NOT_WRITE));
  }

  /** Measures again, because large updates may have used up memory since the last measurement. */
  #isMemoryShort(): boolean {
    const { guard } = this.#options.services;
    guard.look();
    return guard.isFull;
  }
}

/**
 * Whether an update from a client that may not write must close its connection: an edit dropped silently
 * would look saved. Such clients are never sent a state vector. A sync step 2 that one sends anyway is
 * refused only if it holds something that the room does not; the cost of that check depends on the size
 * of the message.
 *
 * @param origin unknown for sync step 2
 * @throws MalformedError
 */
function isRefused(
  update: Uint8Array,
  origin: Origin,
  level: Exclude<AccessLevel, "read-write">,
  room: Room,
): boolean {
  if (isNothing(update)) return false;
  // A client that may not read must not learn from the response what the room holds.
  if (origin.kind !== "unknown" || level === "presence-only") return true;
  if (update.length > INLINE_SCAN_BYTES) return true;
  const contents = inspectUpdate(update);
  return !isEmpty(contents) && !room.knows(update, contents);
}

function isNothing(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}
