import type { Duplex } from "node:stream";
import {
  type Access,
  AccessDeniedError,
  AccessUnavailableError,
  type Attempt,
} from "../auth/access.ts";
import type { Frame } from "../protocol/frame.ts";
import { readMessage } from "../protocol/message.ts";
import type { Session } from "../room/session.ts";
import type { Sink } from "../room/subscriber.ts";
import { ClientAccess } from "./client-access.ts";
import { ClientSession } from "./client-session.ts";
import type { ClientSocket } from "./client-socket.ts";
import { CloseCode, RoomFullError } from "./close-code.ts";
import { ConnectionClose } from "./connection-close.ts";
import type { ConnectionServices } from "./connection-services.ts";
import { FlightWindow } from "./flight-window.ts";
import { Greeting } from "./greeting.ts";
import { Incoming, type MessageHandler } from "./incoming.ts";
import { Liveness } from "./liveness.ts";
import type { Weighed } from "./memory-guard.ts";
import { Outgoing } from "./outgoing.ts";
import type { UnfinishedMessage } from "./unfinished-messages.ts";

export interface ConnectionEvents {
  /** The client has been admitted and its document is open. */
  readonly onOpened: (connection: Connection, access: Access) => void;
  /** The connection is closed. Called once, whether or not it was ever open. */
  readonly onClosed: (connection: Connection) => void;
}

/**
 * `opening`: access is being decided and the document loaded; the socket is paused, and messages wait.
 * `open`: messages are handled. `closed`: nothing is handled or sent any more.
 */
type ConnectionState =
  | { readonly name: "opening" }
  | { readonly name: "open"; readonly client: ClientSession }
  | { readonly name: "closed" };

/**
 * One client's WebSocket: checks access, passes the client's messages to the room, and sends it the
 * room's frames. `Incoming` and `Outgoing` are its two directions.
 */
export class Connection implements Sink, MessageHandler, Weighed {
  readonly id: string;
  readonly room: string;
  readonly #access: ClientAccess;
  readonly #services: ConnectionServices & ConnectionEvents;
  readonly #webSocket: ClientSocket;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #unfinished: UnfinishedMessage;
  readonly #liveness: Liveness;
  readonly #greeting: Greeting = new Greeting();
  readonly #close: ConnectionClose;
  #state: ConnectionState = { name: "opening" };

  constructor(
    id: string,
    attempt: Attempt,
    webSocket: ClientSocket,
    socket: Duplex,
    services: ConnectionServices & ConnectionEvents,
  ) {
    this.id = id;
    this.room = attempt.room;
    this.#access = new ClientAccess(attempt, services.access, () => {
      this.fail(new AccessDeniedError("unauthenticated", "the access has expired"));
    });
    this.#webSocket = webSocket;
    this.#services = services;
    this.#close = new ConnectionClose({ id, client: attempt, webSocket, socket, services });
    const onReady = () => this.#takeMore();
    const { room, address } = attempt;
    this.#outgoing = new Outgoing({ ...services, room, address, webSocket, socket, onReady });
    webSocket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on("close", (code) => this.#closed(code));
    webSocket.on("error", (error) => this.#brokenOff(error));
    this.#liveness = new Liveness(webSocket, socket, () => this.takesAwareness);
    webSocket.on("pong", (payload: Buffer) => {
      if (!FlightWindow.owns(payload)) this.#proved(payload);
      else if (this.#outgoing.acknowledge(payload)) this.#takeMore();
    });
    this.#unfinished = services.unfinished.of(this, socket);
    socket.on("drain", () => this.#drained());
    this.#incoming = new Incoming({ ...services, address, webSocket, socket }, this);
    void this.#open();
  }

  /** The client's address. */
  get address(): string {
    return this.#access.attempt.address;
  }

  get waiting(): number {
    return this.#close.isForMemory ? 0 : this.#outgoing.bytes + this.#unfinished.bytes;
  }

  get documentShare(): number {
    if (this.#state.name !== "open") return 0;
    const { log, subscribers } = this.#state.client.session.room;
    return log.bytes / Math.max(1, subscribers.size);
  }

  /** The close code of a closed connection: this server's if it closed the connection. */
  get closeCode(): number {
    return this.#close.code;
  }

  get isOpen(): boolean {
    return this.#state.name === "open";
  }

  get isOver(): boolean {
    return this.#state.name === "closed";
  }

  get writable(): boolean {
    return this.#outgoing.writable;
  }

  get takesAwareness(): boolean {
    return this.#outgoing.takesAwareness;
  }

  write(frames: readonly Frame[], known?: Uint8Array): void {
    this.#outgoing.write(frames, known);
  }

  /** Sends a keepalive if the client has been sent nothing for a while. */
  keepAlive(): void {
    if (this.isOpen) this.#outgoing.keepAlive();
  }

  /** Pings the client. Terminates the connection if the last ping went unanswered. */
  ping(): void {
    this.#liveness.ping();
  }

  /** Closes the WebSocket with the code for this reason. */
  close(reason: Error): void {
    this.fail(reason);
  }

  /**
   * @param reason shown to the client's developer
   * @returns whether the refusal is held, because the client came back after an earlier one
   */
  closeWith(code: CloseCode, reason: string): boolean {
    if (this.isOver) return false;
    this.#close.began(code);
    this.#leave();
    const isHeld = this.#close.send(code, reason);
    if (isHeld) this.#services.onClosed(this);
    return isHeld;
  }

  endForMemory(reason: string): void {
    this.#close.forMemory();
    this.closeWith(CloseCode.tryAgainLater, reason);
    this.#close.release(this.#outgoing.hasRoom);
  }

  /** Handles no more messages from the client, but still sends to it. */
  stopReading(): void {
    this.#incoming.stop();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  /** Charges the client for work done after its message was handled, in milliseconds. */
  charge(ms: number): void {
    this.#incoming.charge(ms);
  }

  /** Another connection claims a client of this one: terminates this one if it is dead. */
  probe(onAlive: () => void): void {
    this.#liveness.probe(onAlive);
  }

  get silentFor(): number {
    return this.#liveness.silentFor;
  }

  /** Pings the client. @returns whether it has answered the previous ping */
  check(): boolean {
    return this.#liveness.check();
  }

  prove(number: number): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping(String(number));
  }

  /**
   * Checks again whether this connection is allowed, and closes it if not. Also closes it if its access
   * level has changed, so that its client starts over.
   *
   * @returns false if access cannot be decided right now; the connection then stays open
   */
  async recheck(): Promise<boolean> {
    try {
      const access = await this.#access.decide();
      if (this.#state.name !== "open") return true;
      if (access.level === this.#state.client.access.level) {
        this.#state.client.access = access;
        this.#access.expireAt(access.expiresAt);
      } else {
        this.closeWith(CloseCode.restarting, "the access level has changed");
      }
      return access.isProvisional !== true;
    } catch (error) {
      if (error instanceof AccessUnavailableError) return this.isOver;
      this.fail(error);
      return true;
    }
  }

  handle(message: Uint8Array): void {
    readMessage(message, this.#opened());
  }

  handlePending(): boolean {
    return this.#state.name === "open" && this.#state.client.answerPending();
  }

  tooMany(): void {
    const { maxMessagesPerSecond } = this.#services;
    this.closeWith(CloseCode.tooMany, `more than ${maxMessagesPerSecond} messages per second`);
  }

  /** While reading is paused, acknowledgements cannot arrive, so send what is waiting without them. */
  onPaused(): void {
    if (!this.#outgoing.isWindowOpen) setImmediate(() => this.#takeMore());
  }

  /** Closes the connection with the code for this error. */
  fail(error: unknown): void {
    if (this.isOver) return;
    const code = CloseCode.of(error);
    const isHeld = this.closeWith(code, CloseCode.text(code, error));
    this.#close.logFailure(error, code, isHeld);
  }

  async #open(): Promise<void> {
    const { rooms, maxConnectionsPerRoom, connectionsOf } = this.#services;
    let session: Session | undefined;
    try {
      const access = await this.#access.decide();
      if (this.isOver) return;
      session = await rooms.open(this.room);
      if (connectionsOf(this.room) >= maxConnectionsPerRoom) {
        throw new RoomFullError(maxConnectionsPerRoom);
      }
      if (this.isOver) session[Symbol.dispose]();
      else this.#opening(session, access);
    } catch (error) {
      session?.[Symbol.dispose]();
      this.fail(error);
    }
  }

  #opening(session: Session, access: Access): void {
    const { room } = session;
    const subscriber = session.attach(this, "later");
    if (this.#services.rooms.tellsChanges) {
      subscriber.author = { connection: this.id, subject: access.subject };
    }
    const client = new ClientSession({
      ...{ session, access, connection: this, services: this.#services },
      ...{ incoming: this.#incoming, outgoing: this.#outgoing },
      ...{ greeting: this.#greeting, unfinished: this.#unfinished },
    });
    this.#state = { name: "open", client };
    this.#access.expireAt(access.expiresAt);
    this.#services.onOpened(this, access);
    const began = performance.now();
    // Ask only clients that may write for what they have.
    if (access.level === "read-write") this.write([room.stateVectorFrame()]);
    this.charge(performance.now() - began);
    this.#greeting.begin(() => room.showAwareness(subscriber));
    this.#incoming.proceed();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#liveness.heard();
    this.#unfinished.whole();
    if (this.isOver) return;
    // Not a Buffer, whose slice() would not copy: what is kept would keep the whole chunk received.
    this.#incoming.receive(new Uint8Array(data.buffer, data.byteOffset, data.length), isBinary);
  }

  /** @param number the payload of the pong: the number given to `prove`, or empty for other pings */
  #proved(number: Buffer): void {
    if (number.length === 0 || this.#state.name !== "open") return;
    const { room, subscriber } = this.#state.client.session;
    room.proved(subscriber, Number(number));
  }

  #drained(): void {
    this.#outgoing.drained();
    this.#liveness.heard();
    this.#takeMore();
  }

  /** Sends what is waiting if the client can take it: awareness first, as it may go between parts. */
  #takeMore(): void {
    if (this.#state.name !== "open" || !this.takesAwareness) return;
    const began = performance.now();
    const { client } = this.#state;
    const { room, subscriber } = client.session;
    room.resume(subscriber);
    this.charge(performance.now() - began);
    this.#outgoing.pump();
    if (!this.writable) return;
    client.becameWritable();
    this.#outgoing.read();
    if (client.hasPending && !this.#incoming.busy) this.#incoming.proceed();
  }

  #opened(): ClientSession {
    if (this.#state.name !== "open") throw new Error(`connection ${this.id} is not open`);
    return this.#state.client;
  }

  /** The network failed, or `ws` has found a protocol error. */
  #brokenOff(error: Error): void {
    this.#close.log("socket error", error.message);
    if (this.#webSocket.fault !== null) this.closeWith(this.#webSocket.fault, "");
  }

  #closed(code: number): void {
    this.#close.began(code);
    this.#leave();
    this.#services.onClosed(this);
  }

  #leave(): void {
    const state = this.#state;
    this.#state = { name: "closed" };
    this.#access.close();
    this.#incoming.close();
    this.#greeting.cancel();
    this.#outgoing.close();
    if (state.name === "open") state.client.end();
  }
}
