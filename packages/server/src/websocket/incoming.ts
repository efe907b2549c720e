import type { Duplex } from "node:stream";
import { TokenBucket } from "../auth/token-bucket.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import type { LoopBudget, LoopBudgets } from "./loop-budget.ts";

/** What was received is read before it is measured, and its memory collected later: charged by size. */
const BYTES_PER_MS = 256 * 1024;

/** Who handles the messages of one client. */
export interface MessageHandler {
  /** Messages wait until it is open, and are dropped when it is no more. */
  readonly isOpen: boolean;
  /** Does what comes before the next message. @returns whether there was anything */
  handlePending(): boolean;
  /** Handles a message; what it throws is passed to `fail`. */
  handle(message: Uint8Array): void;
  fail(error: unknown): void;
  /** The client has sent more messages than it may. */
  tooMany(): void;
  /** The client is not read for a while. */
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
 * The way from one client: its messages, one after the other. While one of them takes its time, or the
 * client has used up its share of the event loop, the socket is not read, so what waits is bounded.
 */
export class Incoming {
  readonly #webSocket: ClientSocket;
  readonly #stats: ConnectionStats;
  readonly #handler: MessageHandler;
  readonly #bucket: TokenBucket;
  readonly #loop: LoopBudget;
  /** When the WebSocket began to read what came, and how long its messages were handled since. */
  #pieceBegan = 0;
  #handledFor = 0;
  /** Messages that came while another was still being handled; the socket is paused meanwhile. */
  #queue: Uint8Array[] = [];
  #busy = true;
  #isStopped = false;

  constructor(options: IncomingOptions, handler: MessageHandler) {
    const { address, webSocket, socket, stats, maxMessagesPerSecond, loopBudgets } = options;
    const now = performance.now();
    this.#webSocket = webSocket;
    this.#stats = stats;
    this.#handler = handler;
    this.#bucket = new TokenBucket(maxMessagesPerSecond, now);
    this.#loop = loopBudgets.open(address, now, (until) => {
      if (!this.#busy && handler.isOpen) this.wait(until);
    });
    // Around what the WebSocket does with a piece: many small messages cost more to read than to handle.
    socket.prependListener("data", () => {
      this.#pieceBegan = performance.now();
      this.#handledFor = 0;
    });
    socket.on("data", (piece: Buffer) => this.#pieceRead(piece.length));
    webSocket.pause();
  }

  /** Whether a message is being handled, or has to be waited for. */
  get busy(): boolean {
    return this.#busy;
  }

  receive(data: Buffer, isBinary: boolean): void {
    this.#stats.messagesIn++;
    this.#stats.bytesIn += data.length;
    const now = performance.now();
    if (!this.#bucket.take(now)) this.#handler.tooMany();
    else if (!isBinary) this.#handler.fail(new MalformedError("a text message"));
    else if (this.#busy) this.#queue.push(data);
    else this.#handle(data, now);
  }

  /** Charges the client for what was done for it later than its message was handled, in milliseconds. */
  charge(ms: number): void {
    this.#loop.charge(ms, performance.now());
  }

  /** Lets later messages wait for `task`. Nothing more is read meanwhile, so the queue is bounded. */
  wait(task: Promise<void>): void {
    this.#busy = true;
    this.#pause();
    task.then(
      () => this.proceed(),
      (error: unknown) => this.#handler.fail(error),
    );
  }

  /** Handles what waits, until something has to be waited for again. */
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

  /** Takes no more messages. */
  stop(): void {
    this.#isStopped = true;
    this.#busy = true;
    this.#pause();
  }

  /** The connection is over. */
  close(): void {
    this.#loop.end();
    this.#queue = [];
  }

  #pause(): void {
    this.#webSocket.pause();
    this.#handler.onPaused();
  }

  /** @param began when, by `performance.now()` */
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

  /** @returns whether the client has used up its share of the event loop, and has to wait */
  #waitUntilPaid(now: number): boolean {
    const paid = this.#handler.isOpen ? this.#loop.due(now) : null;
    if (paid !== null) this.wait(paid);
    return paid !== null;
  }
}
