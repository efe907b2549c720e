import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import {
  type Access,
  type AccessControl,
  AccessDeniedError,
  type AccessLevel,
  AccessUnavailableError,
  type Attempt,
} from "../auth/access.ts";
import { TokenBucket } from "../auth/token-bucket.ts";
import { type Frame, KEEPALIVE } from "../protocol/frame.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import { type MessageReceiver, readMessage } from "../protocol/message.ts";
import { inspectUpdate, isEmpty, type UpdateContents } from "../protocol/update.ts";
import { EMPTY_BASE } from "../room/base.ts";
import { type Origin, UNKNOWN } from "../room/origin.ts";
import type { Room } from "../room/room.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { Session } from "../room/session.ts";
import type { Sink } from "../room/subscriber.ts";
import { INLINE_SCAN_BYTES } from "../room/update-workers.ts";
import { allocateShared } from "../runtime/memory.ts";
import type { ClientSocket } from "./client-socket.ts";
import { CloseCode } from "./close-code.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import { Deadline } from "./deadline.ts";
import { FlightWindow } from "./flight-window.ts";
import { Greeting } from "./greeting.ts";
import type { LargeAnswers } from "./large-answers.ts";
import { Liveness } from "./liveness.ts";
import type { LoopBudget, LoopBudgets } from "./loop-budget.ts";
import type { MemoryGuard, Weighed } from "./memory-guard.ts";
import { NOTHING, PartDelivery, type PartsSink } from "./part-delivery.ts";
import type { Refusals } from "./refusals.ts";
import { goesInParts, type SharedParts } from "./shared-parts.ts";
import type { UnfinishedMessage, UnfinishedMessages } from "./unfinished-messages.ts";

/** What a connection needs of the server. */
export interface ConnectionServices {
  readonly rooms: RoomTable;
  readonly access: AccessControl;
  readonly stats: ConnectionStats;
  readonly unfinished: UnfinishedMessages;
  readonly parts: SharedParts;
  readonly guard: MemoryGuard;
  readonly largeAnswers: LargeAnswers;
  readonly logger: Logger;
  readonly maxMessagesPerSecond: number;
  readonly loopBudgets: LoopBudgets;
  readonly maxConnectionsPerRoom: number;
  /** Counts up while the server runs; tells how long a connection has been silent. */
  readonly rounds: { readonly count: number };
  /** How many connections a room has on this server. */
  readonly connectionsOf: (room: string) => number;
  readonly refusals: Refusals;
  /** The client was let in, and its document is open. */
  readonly onOpened: (connection: Connection) => void;
  /** The connection is over; it is called once, whether it was opened or not. */
  readonly onClosed: (connection: Connection) => void;
}

/**
 * `opening`: access is decided and the document is loaded; what the client sends waits, and the
 * socket is not read. `open`: messages are handled. `closed`: nothing is handled or sent any more.
 */
type State =
  | { readonly name: "opening" }
  | {
      readonly name: "open";
      readonly session: Session;
      readonly access: Access;
    }
  | { readonly name: "closed" };

/** Rounds without a message to the client after which it is sent a keepalive. */
const SILENT_ROUNDS = 2;
const MAY_NOT_WRITE = "this connection may not change the document";
/** Updates and documents of more than this have to wait while memory is short. */
const LARGE_BYTES = 256 * 1024;
/** A client that asks with more than this, and does not read, is not read either until it does. */
const MOST_UNANSWERED_BYTES = 16 * 1024;
/** How long what tells a client why it is ended has to get to the network. Its memory is kept meanwhile. */
const LAST_WORDS_MS = 20;
/** What was received is read before it is measured, and its memory collected later: charged by size. */
const BYTES_PER_MS = 256 * 1024;
/** As `ws` says that a connection has ended without a close code. */
const NO_CLOSE_CODE = 1006;

/** One client's WebSocket: hands its messages to the document, and the document's frames to it. */
export class Connection implements Sink, PartsSink, MessageReceiver, Weighed {
  readonly id: string;
  readonly room: string;
  readonly #attempt: Attempt;
  readonly #services: ConnectionServices;
  readonly #bucket: TokenBucket;
  readonly #loop: LoopBudget;
  /** When the WebSocket began to read what came, and how long its messages were handled since. */
  #pieceBegan = 0;
  #handledFor = 0;
  readonly #webSocket: ClientSocket;
  readonly #socket: Duplex;
  #state: State = { name: "opening" };
  #access: Access | null = null;
  #closeCode: number | null = null;
  /** Messages that came while another was still being handled; the socket is paused meanwhile. */
  #queue: Uint8Array[] = [];
  #busy = true;
  /** Nothing more is taken from the client. */
  #isDeaf = false;
  #writable = true;
  /** A state vector that came while the client did not read what it had been sent. */
  #unanswered: Uint8Array | null = null;
  #onWritable: (() => void) | undefined;
  /** What an answer of its own takes, from when it is computed until the client has taken it. */
  #answerBytes = 0;
  readonly #onRead: (() => void)[] = [];
  readonly #window: FlightWindow = new FlightWindow();
  /** While something is sent in parts. */
  #delivery: PartDelivery | null = null;
  #wroteAt: number;
  readonly #liveness: Liveness;
  readonly #greeting: Greeting = new Greeting();
  readonly #incoming: UnfinishedMessage;
  #endsForMemory = false;
  readonly #expiry: Deadline = new Deadline(() => {
    this.#fail(new AccessDeniedError("unauthenticated", "the access has expired"));
  });

  constructor(
    id: string,
    attempt: Attempt,
    webSocket: ClientSocket,
    socket: Duplex,
    services: ConnectionServices,
  ) {
    this.id = id;
    this.room = attempt.room;
    this.#attempt = attempt;
    const now = performance.now();
    this.#bucket = new TokenBucket(services.maxMessagesPerSecond, now);
    this.#loop = services.loopBudgets.open(attempt.address, now, (until) => {
      if (!this.#busy && this.#state.name === "open") this.#wait(until);
    });
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#services = services;
    this.#wroteAt = services.rounds.count;
    webSocket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on("close", (code) => this.#closed(code));
    webSocket.on("error", (error) => this.#brokenOff(error));
    this.#liveness = new Liveness(webSocket, socket, () => this.takesAwareness);
    webSocket.on("pong", (payload: Buffer) => {
      if (FlightWindow.owns(payload)) this.#arrived(payload);
      else this.#proved(payload);
    });
    this.#incoming = services.unfinished.of(this, socket);
    socket.on("drain", () => this.#drained());
    // Around what the WebSocket does with a piece: many small messages cost more to read than to handle.
    socket.prependListener("data", () => {
      this.#pieceBegan = performance.now();
      this.#handledFor = 0;
    });
    socket.on("data", (piece: Buffer) => this.#pieceRead(piece.length));
    webSocket.pause();
    void this.#open();
  }

  /** What was granted when it was opened, or since; `null` before that. */
  get access(): Access | null {
    return this.#access;
  }

  /** The client's address. */
  get address(): string {
    return this.#attempt.address;
  }

  get waiting(): number {
    if (this.#endsForMemory) return 0;
    return this.#socket.writableLength + this.#incoming.bytes + this.#answerBytes;
  }

  get documentShare(): number {
    const state = this.#state;
    if (state.name !== "open") return 0;
    const { log, subscribers } = state.session.room;
    return log.bytes / Math.max(1, subscribers.size);
  }

  /** The close code, when it is over: this server's if it closed the connection. */
  get closeCode(): number {
    return this.#closeCode ?? NO_CLOSE_CODE;
  }

  get writable(): boolean {
    return this.#delivery === null && this.takesAwareness;
  }

  get takesAwareness(): boolean {
    // A client that is not read cannot say what has arrived.
    return this.#writable && (this.#window.isOpen || this.#webSocket.isPaused);
  }

  get takesPart(): boolean {
    return this.takesAwareness;
  }

  get isFast(): boolean {
    return this.#window.isFast;
  }

  write(frames: readonly Frame[], known: Uint8Array = NOTHING): void {
    if (this.#state.name === "closed") return;
    if (goesInParts(frames, this.#delivery !== null)) {
      this.#delivery ??= new PartDelivery(this, this.#services.parts);
      this.#delivery.add(frames, known);
      this.#delivery.pump();
    } else {
      this.#send(frames);
    }
  }

  sendPart(frame: Frame): void {
    this.#send([frame]);
  }

  onDelivered(): void {
    this.#delivery = null;
    // What waits may be written by the one who writes just now.
    setImmediate(() => this.#takesMore());
  }

  #send(frames: readonly Frame[]): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    const { stats } = this.#services;
    stats.messagesOut += frames.length;
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    stats.bytesOut += bytes;
    this.#wroteAt = this.#services.rounds.count;
    const [first] = frames;
    if (frames.length === 1 && first !== undefined) {
      this.#writable = this.#socket.write(first);
    } else {
      this.#socket.cork();
      for (const frame of frames) this.#writable = this.#socket.write(frame);
      this.#socket.uncork();
      this.#writable = !this.#socket.writableNeedDrain;
    }
    const mark = this.#window.written(bytes);
    if (mark !== null) this.#webSocket.ping(mark);
  }

  /** Resolves when the client has taken what it was sent, or is gone. */
  #whenRead(): Promise<void> {
    if (this.#isClosed || this.writable) {
      this.#read();
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#onRead.push(resolve));
  }

  #read(): void {
    this.#answerBytes = 0;
    for (const resolve of this.#onRead.splice(0)) resolve();
  }

  /** Sends something when the client has heard nothing for a while. */
  keepAlive(): void {
    if (this.#state.name !== "open" || !this.#writable) return;
    if (this.#services.rounds.count - this.#wroteAt >= SILENT_ROUNDS) this.write([KEEPALIVE]);
  }

  /** Finds out whether the client is there; ends the connection when it was not since the last time. */
  ping(): void {
    this.#liveness.ping();
  }

  get isOver(): boolean {
    return this.#isClosed;
  }

  /** Closes the WebSocket with the code that tells the client of the reason. */
  close(reason: Error): void {
    this.#fail(reason);
  }

  /**
   * @param reason is shown to the client's developer
   * @returns whether the client has come back after a refusal, and waits for this one
   */
  closeWith(code: CloseCode, reason: string): boolean {
    if (this.#isClosed) return false;
    this.#services.stats.close(code);
    this.#closeCode ??= code;
    this.#leave();
    if (this.#endsForMemory) {
      this.#webSocket.close(code, reason);
      return false;
    }
    const isHeld = this.#services.refusals.close(
      this.#attempt,
      this.#webSocket,
      this.#socket,
      code,
      reason,
    );
    if (isHeld) this.#services.onClosed(this);
    return isHeld;
  }

  endForMemory(reason: string): void {
    this.#endsForMemory = true;
    this.closeWith(CloseCode.tryAgainLater, reason);
    // It sends no more, and what waits for a client that does not read is given back at once.
    this.#webSocket.pause();
    if (this.#writable) setTimeout(() => this.terminate(), LAST_WORDS_MS);
    else this.terminate();
  }

  /** No more messages are taken from the client; it still gets what is written. */
  stopReading(): void {
    this.#isDeaf = true;
    this.#busy = true;
    this.#pause();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  onStateVector(stateVector: Uint8Array): void {
    const { session, access } = this.#opened();
    const { room, subscriber } = session;
    this.#greeting.stateVectorCame();
    if (!this.writable) {
      this.#answerLater(stateVector.slice());
      return;
    }
    if (access.level === "presence-only") {
      this.write([EMPTY_BASE.frame]);
      return;
    }
    const own = stateVector.slice();
    const answer = async () => {
      if (!this.#isClosed) await room.answer(subscriber, own);
    };
    const isLarge = room.log.bytes > LARGE_BYTES;
    if (!isLarge) {
      this.#wait(answer());
      return;
    }
    // What a client gets that has nothing is shared; a difference is its own, and is kept in parts too.
    const bytes = own[0] === 0 ? 0 : 2 * room.log.bytes;
    this.#answerBytes = bytes;
    this.#wait(this.#services.largeAnswers.run(this, bytes, answer, () => this.#whenRead()));
  }

  onDiff(update: Uint8Array): void {
    this.#take(update, UNKNOWN);
  }

  onUpdate(update: Uint8Array): void {
    this.#take(update, this.#opened().session.subscriber.origin);
  }

  onAwareness(states: Uint8Array): void {
    const { room, subscriber } = this.#opened().session;
    room.receiveAwareness(states, subscriber, Date.now());
    this.#greeting.done();
  }

  onAwarenessQuery(): void {
    const { room, subscriber } = this.#opened().session;
    if (subscriber.awarenessVersion === null) this.#greeting.done();
    else room.showAwareness(subscriber);
  }

  /** What was done for the client, after its message was handled; in milliseconds. */
  charge(ms: number): void {
    this.#loop.charge(ms, performance.now());
  }

  /** Somebody else claims a client of this connection: ends it if it is dead. */
  probe(onAlive: () => void): void {
    this.#liveness.probe(onAlive);
  }

  get silentFor(): number {
    return this.#liveness.silentFor;
  }

  /** Asks the client for a sign of life. */
  check(): boolean {
    return this.#liveness.check();
  }

  prove(number: number): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping(String(number));
  }

  /**
   * Asks again whether this connection is allowed. It is closed when it is not; and when it is allowed
   * something else than before, so that its client begins anew.
   *
   * @returns false when this cannot be decided now. The connection goes on then
   */
  async recheck(): Promise<boolean> {
    try {
      const access = await this.#services.access.authorize(this.#attempt);
      if (this.#state.name !== "open") return true;
      if (access.level === this.#state.access.level) {
        this.#state = { ...this.#state, access };
        this.#access = access;
        this.#expiry.set(access.expiresAt);
      } else {
        this.closeWith(CloseCode.restarting, "what you may do here has changed");
      }
      return access.isProvisional !== true;
    } catch (error) {
      if (error instanceof AccessUnavailableError) return this.#isClosed;
      this.#fail(error);
      return true;
    }
  }

  async #open(): Promise<void> {
    const { rooms, access: control, maxConnectionsPerRoom } = this.#services;
    let session: Session | undefined;
    try {
      const access = await control.authorize(this.#attempt);
      if (this.#isClosed) return;
      session = await rooms.open(this.room);
      if (this.#isClosed) {
        session[Symbol.dispose]();
        return;
      }
      if (this.#services.connectionsOf(this.room) >= maxConnectionsPerRoom) {
        session[Symbol.dispose]();
        this.closeWith(CloseCode.roomFull, `the room has ${maxConnectionsPerRoom} connections`);
        return;
      }
      const { room } = session;
      const subscriber = session.attach(this, "later");
      if (rooms.tellsChanges) {
        subscriber.author = { connection: this.id, subject: access.subject };
      }
      this.#state = { name: "open", session, access };
      this.#access = access;
      this.#services.onOpened(this);
      this.#expiry.set(access.expiresAt);
      const began = performance.now();
      // What a client has is only asked of those from whom it would be taken.
      if (access.level === "read-write") this.write([room.stateVectorFrame()]);
      this.charge(performance.now() - began);
      this.#greeting.begin(() => room.showAwareness(subscriber));
      this.#proceed();
    } catch (error) {
      session?.[Symbol.dispose]();
      this.#fail(error);
    }
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#liveness.heard();
    this.#incoming.whole();
    if (this.#state.name === "closed") return;
    const { stats, maxMessagesPerSecond } = this.#services;
    stats.messagesIn++;
    stats.bytesIn += data.length;
    const now = performance.now();
    if (!this.#bucket.take(now)) {
      this.closeWith(CloseCode.tooMany, `more than ${maxMessagesPerSecond} messages a second`);
    } else if (!isBinary) {
      this.#fail(new MalformedError("a text message"));
    } else if (this.#busy) {
      this.#queue.push(data);
    } else {
      this.#handle(data, now);
    }
  }

  /** @param began when, by `performance.now()` */
  #handle(message: Uint8Array, began: number): void {
    try {
      readMessage(message, this);
    } catch (error) {
      this.#fail(error);
    }
    const now = performance.now();
    this.#handledFor += now - began;
    this.#loop.charge(now - began, now);
    if (!this.#busy) this.#waitUntilPaid(now);
  }

  #pieceRead(bytes: number): void {
    const now = performance.now();
    const readFor = Math.max(0, now - this.#pieceBegan - this.#handledFor);
    this.#loop.charge(readFor + bytes / BYTES_PER_MS, now);
    if (!this.#busy) this.#waitUntilPaid(now);
  }

  /** @returns whether the client has used up its share of the event loop, and has to wait */
  #waitUntilPaid(now: number): boolean {
    const paid = this.#state.name === "open" ? this.#loop.due(now) : null;
    if (paid !== null) this.#wait(paid);
    return paid !== null;
  }

  /**
   * Answers a client that does not read when it does: the newest of its questions, for which the
   * others were asked as well.
   */
  #answerLater(stateVector: Uint8Array): void {
    this.#unanswered = stateVector;
    if (stateVector.length <= MOST_UNANSWERED_BYTES) return;
    this.#wait(
      new Promise((resolve) => {
        this.#onWritable = resolve;
      }),
    );
  }

  /** Handles what waits, until something has to be waited for again. */
  #proceed(): void {
    if (this.#isDeaf) return;
    this.#busy = false;
    if (this.#waitUntilPaid(performance.now())) return;
    while (!this.#busy && this.#state.name === "open") {
      const stateVector = this.#unanswered;
      if (stateVector !== null && this.writable) {
        this.#unanswered = null;
        this.onStateVector(stateVector);
        continue;
      }
      const message = this.#queue.shift();
      if (message === undefined) {
        this.#webSocket.resume();
        return;
      }
      this.#handle(message, performance.now());
    }
  }

  /** Lets later messages wait for `task`. Nothing more is read meanwhile, so the queue is bounded. */
  #wait(task: Promise<void>): void {
    this.#busy = true;
    this.#pause();
    task.then(
      () => this.#proceed(),
      (error: unknown) => this.#fail(error),
    );
  }

  /** @param origin unknown for sync step 2, which returns what others wrote as well */
  #take(update: Uint8Array, origin: Origin): void {
    const { access, session } = this.#opened();
    if (access.level !== "read-write") {
      const isRefused =
        origin.kind === "unknown"
          ? bringsNews(update, session.room, access.level)
          : !isNothing(update);
      if (isRefused) this.#fail(new AccessDeniedError("forbidden", MAY_NOT_WRITE));
      return;
    }
    if (update.length > INLINE_SCAN_BYTES) {
      const copy = allocateShared(update.length);
      copy.set(update);
      this.#incoming.hold(copy.length);
      const inspected = this.#services.rooms.workers.run(this.room, "inspect", copy);
      this.#wait(
        inspected
          .finally(() => this.#incoming.release())
          .then((contents) => {
            const began = performance.now();
            this.#submit(copy, contents, origin);
            this.charge(performance.now() - began);
          }),
      );
    } else {
      this.#submit(update, inspectUpdate(update), origin);
    }
  }

  #submit(update: Uint8Array, contents: UpdateContents, origin: Origin): void {
    if (this.#state.name !== "open" || isEmpty(contents)) return;
    const { session, access } = this.#state;
    // It may have been taken away while a large update was looked at.
    if (access.level !== "read-write") {
      this.#fail(new AccessDeniedError("forbidden", MAY_NOT_WRITE));
      return;
    }
    try {
      session.room.submit(update, origin, contents);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { journal } = this.#services.rooms;
    if (journal.full) this.#wait(journal.whenNotFull());
    else if (update.length > LARGE_BYTES && this.#isMemoryShort()) {
      this.#wait(this.#services.guard.whenNotFull());
    }
  }

  /** Looks, as what is large may have used it up since the last time. */
  #isMemoryShort(): boolean {
    this.#services.guard.look();
    return this.#services.guard.isFull;
  }

  /** @param number what a ping said that the client answered; empty for other pings */
  #proved(number: Buffer): void {
    if (number.length === 0 || this.#state.name !== "open") return;
    const { room, subscriber } = this.#state.session;
    room.proved(subscriber, Number(number));
  }

  #pause(): void {
    this.#webSocket.pause();
    if (!this.#window.isOpen) setImmediate(() => this.#takesMore());
  }

  #drained(): void {
    this.#writable = true;
    this.#liveness.heard();
    this.#takesMore();
  }

  #arrived(payload: Uint8Array): void {
    if (this.#window.acknowledge(payload)) this.#takesMore();
  }

  /** Sends what waits, if the client takes it now: presence first, which is due between parts too. */
  #takesMore(): void {
    if (this.#state.name !== "open" || !this.takesAwareness) return;
    const began = performance.now();
    const { room, subscriber } = this.#state.session;
    room.resume(subscriber);
    this.charge(performance.now() - began);
    this.#delivery?.pump();
    if (!this.writable) return;
    this.#onWritable?.();
    this.#onWritable = undefined;
    this.#read();
    if (this.#unanswered !== null && !this.#busy) this.#proceed();
  }

  get #isClosed(): boolean {
    return this.#state.name === "closed";
  }

  #opened(): Extract<State, { name: "open" }> {
    if (this.#state.name !== "open") throw new Error(`connection ${this.id} is not open`);
    return this.#state;
  }

  #fail(error: unknown): void {
    if (this.#state.name === "closed") return;
    const reason = error instanceof Error ? error.message : String(error);
    const code = CloseCode.of(error);
    const isHeld = this.closeWith(code, CloseCode.text(code, error));
    if (code === CloseCode.internal) {
      this.#services.logger.error({ connection: this.id, room: this.room, err: error }, "failed");
    } else if (!isHeld) {
      // The first refusal is logged, and not each time that the client comes back.
      this.#log("refused", reason);
    }
  }

  #log(message: string, reason: string): void {
    this.#services.logger.info({ connection: this.id, room: this.room, reason }, message);
  }

  /** The network broke, or `ws` has found a fault in what the client sent. */
  #brokenOff(error: Error): void {
    this.#log("socket error", error.message);
    const { fault } = this.#webSocket;
    if (fault !== null) this.closeWith(fault, "");
  }

  #closed(code: number): void {
    this.#closeCode ??= code;
    this.#leave();
    this.#services.onClosed(this);
  }

  #leave(): void {
    const state = this.#state;
    this.#state = { name: "closed" };
    this.#expiry.set(null);
    this.#loop.end();
    this.#greeting.cancel();
    this.#queue = [];
    this.#unanswered = null;
    this.#delivery?.cancel();
    this.#delivery = null;
    this.#read();
    if (state.name === "open") state.session[Symbol.dispose]();
  }
}

function isNothing(update: Uint8Array): boolean {
  return update.length === 2 && update[0] === 0 && update[1] === 0;
}

/**
 * Whether an answer to a state vector holds what is not here. Those who may not write are never asked what
 * they have; what they return all the same is looked up, which costs what the message holds.
 *
 * @throws MalformedError
 */
function bringsNews(update: Uint8Array, room: Room, level: AccessLevel): boolean {
  if (isNothing(update)) return false;
  // Who may not read is not told what is here either.
  if (level === "presence-only" || update.length > INLINE_SCAN_BYTES) return true;
  const contents = inspectUpdate(update);
  return !isEmpty(contents) && !room.knows(update, contents);
}
