import type { Duplex } from "node:stream";
import type { Logger } from "pino";

/** The overhead of each chunk of a message: a client that sends single bytes makes many chunks. */
const PIECE_BYTES = 512;
/** Above the limit, connections are closed until this share of it is left. */
const LEFT = 0.75;

const LOG_MS = 10_000;
const MUCH_BYTES = 8 * 1024 * 1024;

/** The connection that sends the messages. */
export interface Sender {
  readonly address: string;
  /** Closes the connection because of the memory that its messages use. */
  endForMemory(reason: string): void;
}

/**
 * Counts the memory of messages that are incomplete or have not been inspected yet, over all clients.
 * Above a limit, connections are closed, each time the largest of the address that uses the most.
 */
export class UnfinishedMessages {
  readonly #limit: number;
  readonly #logger: Logger;
  readonly #onMuch: () => void;
  readonly #all: Set<UnfinishedMessage> = new Set();
  #bytes = 0;
  #received = 0;
  #ended = 0;
  /** How many closed connections have been logged, and when to log the next ones. */
  #logged = 0;
  #logsAt = 0;

  /**
   * @param limit in bytes
   * @param onMuch called whenever clients have sent another 8 MiB, complete messages included
   */
  constructor(limit: number, logger: Logger, onMuch: () => void) {
    this.#limit = limit;
    this.#logger = logger;
    this.#onMuch = onMuch;
  }

  /** Memory that the messages use now, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many connections have been closed. */
  get ended(): number {
    return this.#ended;
  }

  /** @param socket the socket that the messages arrive on; counting ends when it closes */
  of(sender: Sender, socket: Duplex): UnfinishedMessage {
    const message = new UnfinishedMessage(sender, (bytes) => this.#count(bytes));
    this.#all.add(message);
    // Runs before the WebSocket parses the chunk, which may complete the message.
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
    // Not deferred: in one turn of the event loop, 100 connections can deliver 200 MB.
    if (bytes > 0 && this.#bytes > this.#limit) this.#reduce();
  }

  #reduce(): void {
    const byAddress = Map.groupBy(
      [...this.#all].filter((message) => message.bytes > 0),
      (message) => message.sender.address,
    );
    const addresses = [...byAddress.values()].map((messages) => ({
      // Largest last.
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
      message.sender.endForMemory("unfinished messages use too much memory");
      ended++;
    }
    this.#ended += ended;
    this.#log();
  }

  /** Logs at most once per interval, however many connections were closed. */
  #log(): void {
    const now = performance.now();
    if (now < this.#logsAt) return;
    this.#logsAt = now + LOG_MS;
    this.#logger.warn(
      { limit: this.#limit, ended: this.#ended - this.#logged },
      "unfinished messages used too much memory, closed connections",
    );
    this.#logged = this.#ended;
  }
}

/** Counts the memory of one connection's current message. */
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

  /** Memory in use, in bytes. */
  get bytes(): number {
    return this.#coming + this.#held;
  }

  add(bytes: number): void {
    if (this.#closed) return;
    this.#coming += bytes;
    this.#count(bytes);
  }

  /** The message is complete. */
  whole(): void {
    if (this.#closed) return;
    this.#count(-this.#coming);
    this.#coming = 0;
  }

  /** Counts a complete message until it has been inspected. */
  hold(bytes: number): void {
    if (this.#closed) return;
    this.#held += bytes;
    this.#count(bytes);
  }

  /** The held message has been inspected. */
  release(): void {
    if (this.#closed) return;
    this.#count(-this.#held);
    this.#held = 0;
  }

  /** Stops counting: the connection is closed, or about to be. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#count(-this.bytes);
    this.#coming = 0;
    this.#held = 0;
  }
}
