import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** How long a connection that may be dead has to answer. */
const PROBE_MS = 3_000;
/**
 * What a client that is in the middle of a long message has to send between two pings, which are 30
 * seconds apart: 1 KB a second. It cannot answer a ping before the message is whole.
 */
const PROGRESS_BYTES = 30 * 1024;
/** How many functions wait for its answer to a probe. */
const MAX_PROBES = 64;

/** Finds out whether the other end of a WebSocket is still there, and ends it if it is not. */
export class Liveness {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex & { readonly bytesRead?: number };
  readonly #isWritable: () => boolean;
  /** Whether it has not been heard since the ping of the last round. */
  #owesRound = false;
  /** When it was pinged that has not been heard since. */
  #silentSince: number | null = null;
  #bytesAtPing = 0;
  /** What it had sent when it was pinged last, by whomever. */
  #bytesWhenAsked = 0;
  #probes: (() => void)[] = [];

  /**
   * @param socket below the WebSocket
   * @param isWritable false while the client is behind. It has not read the ping yet then, and is left
   *   alone: if it is gone, the network says so in the end
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

  /** For how long it has not answered, in milliseconds; 0 when that means nothing. */
  get silentFor(): number {
    if (this.#silentSince === null || !this.#isWritable() || this.#webSocket.isPaused) return 0;
    // It is in the middle of a long message.
    if (this.#bytesRead > this.#bytesWhenAsked) return 0;
    return performance.now() - this.#silentSince;
  }

  /** Ends the WebSocket if the client has not been heard since the last ping, else pings it again. */
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

  /** Pings the client. @returns whether it has answered what it was asked before */
  check(): boolean {
    const isAlive = this.silentFor === 0;
    this.#askForLife();
    return isAlive;
  }

  /**
   * Somebody else claims the client. After a broken network a client comes back on a new connection
   * while its old one seems open: if this one is dead, it ends now.
   *
   * @param onAlive is called if it is not; the first functions of a few that wait
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

  /** What the client has sent so far, messages that are not whole yet included. */
  get #bytesRead(): number {
    return this.#socket.bytesRead ?? 0;
  }
}
