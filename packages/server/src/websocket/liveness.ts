import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** How long a connection that may be dead has to answer a probe. */
const PROBE_MS = 3_000;
/**
 * How much a client in the middle of a long message has to send between two pings, which are 30 seconds
 * apart: 1 KB a second. It cannot answer a ping until the message is complete.
 */
const PROGRESS_BYTES = 30 * 1024;
/** How many callbacks may wait for the answer to a probe. */
const MAX_PROBES = 64;

/** Detects whether the client of a WebSocket is still alive, and terminates the WebSocket if not. */
export class Liveness {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex & { readonly bytesRead?: number };
  readonly #isWritable: () => boolean;
  /** Whether nothing has been heard since the last regular ping. */
  #owesRound = false;
  /** When the first unanswered ping was sent. */
  #silentSince: number | null = null;
  #bytesAtPing = 0;
  /** Bytes received by the time of the last ping of any kind. */
  #bytesWhenAsked = 0;
  #probes: (() => void)[] = [];

  /**
   * @param socket the socket under the WebSocket
   * @param isWritable false while the client is lagging. It may not have read the ping yet, so it is
   *   left alone: if it is gone, the network eventually reports that
   */
  constructor(webSocket: WebSocket, socket: Duplex, isWritable: () => boolean) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#isWritable = isWritable;
    webSocket.on("pong", () => this.heard());
  }

  heard(): void {
    this.#owesRound = false;
    this.#silentSince = null;
    if (this.#probes.length === 0) return;
    for (const onAlive of this.#probes.splice(0)) onAlive();
  }

  /** How long the client has not answered, in milliseconds; 0 if that says nothing about it. */
  get silentFor(): number {
    if (this.#silentSince === null || !this.#isWritable() || this.#webSocket.isPaused) return 0;
    // The client is in the middle of a long message.
    if (this.#bytesRead > this.#bytesWhenAsked) return 0;
    return performance.now() - this.#silentSince;
  }

  /** Terminates the WebSocket if the client has been silent since the last ping; otherwise pings again. */
  ping(): void {
    const bytes = this.#bytesRead;
    if (bytes - this.#bytesAtPing >= PROGRESS_BYTES) this.#owesRound = false;
    this.#bytesAtPing = bytes;
    if (!this.#isWritable()) return;
    if (this.#owesRound && !this.#webSocket.isPaused) {
      this.#webSocket.terminate();
      return;
    }
    this.#owesRound = true;
    this.#askForLife();
  }

  /** Pings the client. @returns whether it has answered the previous ping */
  check(): boolean {
    const isAlive = this.silentFor === 0;
    this.#askForLife();
    return isAlive;
  }

  /**
   * Another connection claims this connection's awareness client. After a network failure, a client
   * comes back on a new connection while the old one still seems open: if this one is dead, terminate it
   * now.
   *
   * @param onAlive called if it is alive. Only the first `MAX_PROBES` waiting callbacks are kept
   */
  probe(onAlive?: () => void): void {
    const isFirst = this.#probes.length === 0;
    if (onAlive !== undefined && this.#probes.length < MAX_PROBES) this.#probes.push(onAlive);
    if (!isFirst) return;
    this.#askForLife();
    const before = this.#bytesRead;
    setTimeout(() => {
      const heard = this.#silentSince === null || this.#bytesRead > before;
      if (!heard && this.#isWritable() && !this.#webSocket.isPaused) this.#webSocket.terminate();
      this.#probes = [];
    }, PROBE_MS).unref();
  }

  #askForLife(): void {
    const bytes = this.#bytesRead;
    if (this.#silentSince === null || bytes > this.#bytesWhenAsked) {
      this.#silentSince = performance.now();
    }
    this.#bytesWhenAsked = bytes;
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  /** Bytes received from the client so far, including incomplete messages. */
  get #bytesRead(): number {
    return this.#socket.bytesRead ?? 0;
  }
}
