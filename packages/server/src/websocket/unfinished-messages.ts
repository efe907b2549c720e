import type { Duplex } from "node:stream";
import type { Logger } from "pino";

/** What a piece of a message takes beside its bytes: who sends single bytes makes many of them. */
const PIECE_BYTES = 512;
/** When there is too much, this share of the limit is left. */
const LEFT = 0.75;

const LOG_MS = 10_000;
const MUCH_BYTES = 8 * 1024 * 1024;

/** Whose messages these are. */
export interface Sender {
  readonly address: string;
  /** Ends the connection, because of the memory that its messages take. */
  endForMemory(reason: string): void;
}

/**
 * What all clients have sent of messages that are not whole yet, or not looked at. Together it is
 * limited: above that, connections are ended, of the address that has most the one that has most.
 */
export class UnfinishedMessages {
  readonly #limit: number;
  readonly #logger: Logger;
  readonly #onMuch: () => void;
  readonly #all: Set<UnfinishedMessage> = new Set();
  #bytes = 0;
  #received = 0;
  #ended = 0;
  /** How many of them the log has told of, and when it may tell of more. */
  #logged = 0;
  #logsAt = 0;

  /**
   * @param limit in bytes
   * @param onMuch called each time that clients have sent some megabytes, whole messages included
   */
  constructor(limit: number, logger: Logger, onMuch: () => void) {
    this.#limit = limit;
    this.#logger = logger;
    this.#onMuch = onMuch;
  }

  /** What they take now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many connections have been ended. */
  get ended(): number {
    return this.#ended;
  }

  /** @param socket on which the messages come; its end ends the count */
  of(sender: Sender, socket: Duplex): UnfinishedMessage {
    const message = new UnfinishedMessage(sender, (bytes) => this.#count(bytes));
    this.#all.add(message);
    // Before the WebSocket reads it, which may make the message whole.
    socket.prependListener("data", (piece: Buffer) => message.add(piece.length + PIECE_BYTES));
    socket.once("close", () => {
      this.#all.delete(message);
      message.close();
    });
    return message;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (bytes > 0) this.#received += bytes;
    if (this.#received > MUCH_BYTES) {
      this.#received = 0;
      this.#onMuch();
    }
    // Not later: in one turn of the event loop, 100 connections bring 200 MB.
    if (bytes > 0 && this.#bytes > this.#limit) this.#reduce();
  }

  #reduce(): void {
    const byAddress = Map.groupBy(
      [...this.#all].filter((message) => message.bytes > 0),
      (message) => message.sender.address,
    );
    const addresses = [...byAddress.values()].map((messages) => ({
      // The largest one is the last.
      messages: messages.sort((one, other) => one.bytes - other.bytes),
      bytes: messages.reduce((sum, { bytes }) => sum + bytes, 0),
    }));
    let ended = 0;
    while (this.#bytes > this.#limit * LEFT) {
      const most = addresses.reduce((a, b) => (b.bytes > a.bytes ? b : a));
      const message = most.messages.pop();
      if (message === undefined) break;
      most.bytes -= message.bytes;
      message.close();
      message.sender.endForMemory("too much of unfinished messages");
      ended++;
    }
    this.#ended += ended;
    this.#log();
  }

  /** Once for however many connections in a while. */
  #log(): void {
    const now = performance.now();
    if (now < this.#logsAt) return;
    this.#logsAt = now + LOG_MS;
    this.#logger.warn(
      { limit: this.#limit, ended: this.#ended - this.#logged },
      "unfinished messages of clients took too much memory; connections were ended",
    );
    this.#logged = this.#ended;
  }
}

/** What one connection has sent of its present message. */
export class UnfinishedMessage {
  readonly sender: Sender;
  readonly #count: (bytes: number) => void;
  #coming = 0;
  #held = 0;
  #closed = false;

  constructor(sender: Sender, count: (bytes: number) => void) {
    this.sender = sender;
    this.#count = count;
  }

  /** What it takes. */
  get bytes(): number {
    return this.#coming + this.#held;
  }

  add(bytes: number): void {
    if (this.#closed) return;
    this.#coming += bytes;
    this.#count(bytes);
  }

  /** The message is whole. */
  whole(): void {
    if (this.#closed) return;
    this.#count(-this.#coming);
    this.#coming = 0;
  }

  /** A whole message is kept until it has been looked at. */
  hold(bytes: number): void {
    if (this.#closed) return;
    this.#held += bytes;
    this.#count(bytes);
  }

  /** What was held has been looked at. */
  release(): void {
    if (this.#closed) return;
    this.#count(-this.#held);
    this.#held = 0;
  }

  /** Counts no more: the connection is over, or about to be. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#count(-this.bytes);
    this.#coming = 0;
    this.#held = 0;
  }
}
