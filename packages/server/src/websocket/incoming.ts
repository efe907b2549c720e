import type { Duplex } from "node:stream";
import { TokenBucket } from "../auth/token-bucket.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import type { LoopBudget, LoopBudgets } from "./loop-budget.ts";

/**
 * Charge received data by size as well: it is read from the socket before the measurement begins, and
 * its memory is collected later.
 */
const BYTES_PER_MS = 256 * 1024;

/** Handles the messages of one client. */
export interface MessageHandler {
  /** Messages wait until this is true, and are dropped once it no longer is. */
  readonly isOpen: boolean;
  /** Does work that is due before the next message. @returns whether there was any */
  handlePending(): boolean;
  /** Handles a message. Anything it throws is passed to `fail`. */
  handle(message: Uint8Array): void;
  fail(error: unknown): void;
  /** The client has exceeded its message rate. */
  tooMany(): void;
  /** Reading from the client has been paused. */
  onPaused(): void;
}

export interface IncomingOptions {
  readonly address: string;
  readonly webSocket: ClientSocket;
  readonly socket: Duplex;
  readonly stats: ConnectionStats;
  readonly maxMessagesPerSecond: number;
  readonly loopBudgets: LoopBudgets;
}

/**
 * Receives the messages of one client and handles them one at a time. The socket is paused while a
 * message waits for something, or while the client has used up its share of the event loop, so the
 * queue is bounded.
 */
export class Incoming {
  readonly #webSocket: ClientSocket;
  readonly #stats: ConnectionStats;
  readonly #handler: MessageHandler;
  readonly #bucket: TokenBucket;
  readonly #loop: LoopBudget;
  /** When the WebSocket began to parse the current chunk, and the time spent on its messages since. */
  #pieceBegan = 0;
  #handledFor = 0;
  /** Messages that arrived while another was being handled. The socket is paused meanwhile. */
  #queue: Uint8Array[] = [];
  #busy = true;
  #isStopped = false;
  readonly #proceed = () => this.proceed();

  constructor(options: IncomingOptions, handler: MessageHandler) {
    const { address, webSocket, socket, stats, maxMessagesPerSecond, loopBudgets } = options;
    const now = performance.now();
    this.#webSocket = webSocket;
    this.#stats = stats;
    this.#handler = handler;
    this.#bucket = new TokenBucket(maxMessagesPerSecond, now);
    this.#loop = loopBudgets.open(address, now, () => {
      if (this.#busy || !handler.isOpen) return;
      this.#interrupt();
      this.#loop.nextTurn(this.#proceed);
    });
    // Measures how long the WebSocket takes to parse a chunk: many small messages cost more to parse
    // than to handle.
    socket.prependListener("data", () => {
      this.#pieceBegan = performance.now();
      this.#handledFor = 0;
    });
    socket.on("data", (piece: Buffer) => this.#pieceRead(piece.length));
    webSocket.pause();
  }

  /** Whether the next message has to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  receive(data: Uint8Array, isBinary: boolean): void {
    this.#stats.messagesIn++;
    this.#stats.bytesIn += data.length;
    const now = performance.now();
    if (!this.#bucket.take(now)) this.#handler.tooMany();
    else if (!isBinary) this.#handler.fail(new MalformedError("text messages are not supported"));
    else if (this.#busy) this.#queue.push(data);
    else this.#handle(data, now);
  }

  /** Charges the client for work done after its message was handled, in milliseconds. */
  charge(ms: number): void {
    this.#loop.charge(ms, performance.now());
  }

  /** Makes later messages wait for `task`. Reading is paused meanwhile, so the queue is bounded. */
  wait(task: Promise<void>): void {
    this.#interrupt();
    task.then(this.#proceed, (error: unknown) => this.#handler.fail(error));
  }

  /** Handles queued messages until one has to wait again. */
  proceed(): void {
    if (this.#isStopped) return;
    this.#busy = false;
    if (this.#waitUntilPaid(performance.now())) return;
    while (!this.#busy && this.#handler.isOpen) {
      if (this.#handler.handlePending()) continue;
      const message = this.#queue.shift();
      if (message === undefined) {
        this.#webSocket.resume();
        return;
      }
      this.#handle(message, performance.now());
    }
  }

  /** Handles no more messages. */
  stop(): void {
    this.#isStopped = true;
    this.#interrupt();
  }

  /** The connection is over. */
  close(): void {
    this.#loop.end();
    this.#queue = [];
  }

  #interrupt(): void {
    this.#busy = true;
    this.#webSocket.pause();
    this.#handler.onPaused();
  }

  /** @param began when handling began, in the time of `performance.now()` */
  #handle(message: Uint8Array, began: number): void {
    try {
      this.#handler.handle(message);
    } catch (error) {
      this.#handler.fail(error);
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

  /** @returns whether the client has used up its share of the event loop and has to wait */
  #waitUntilPaid(now: number): boolean {
    const waits = this.#handler.isOpen && this.#loop.defer(now, this.#proceed);
    if (waits) this.#interrupt();
    return waits;
  }
}
