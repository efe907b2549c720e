import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

/** How long a connection that may be dead has to answer. */
const PROBE_MS = 3_000;
/**
 * What a client that is in the middle of a long message has to send between two pings, which are 30
 * seconds apart: 1 KB a second. It cannot answer a ping before the message is whole.
 */
const PROGRESS_BYTES = 30 * 1024;

/** Finds out whether the other end of a WebSocket is still there, and ends it if it is not. */
export class Liveness {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex & { readonly bytesRead?: number };
  readonly #isWritable: () => boolean;
  /** Whether the client has been heard since the last ping. */
  #alive = true;
  #bytesAtPing = 0;

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
    this.#alive = true;
  }

  /** Ends the WebSocket if the client has not been heard since the last ping, else pings it again. */
  ping(): void {
    const bytes = this.#bytesRead;
    if (bytes - this.#bytesAtPing >= PROGRESS_BYTES) this.#alive = true;
    this.#bytesAtPing = bytes;
    if (!this.#isWritable()) return;
    if (!this.#alive && !this.#webSocket.isPaused) {
      this.#webSocket.terminate();
      return;
    }
    this.#alive = false;
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  /**
   * Somebody else claims the client. After a broken network a client comes back on a new connection
   * while its old one seems open: if this one is dead, it ends now, its client is declared gone, and
   * the client answers that on its new connection.
   */
  probe(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#webSocket.ping();
    const before = this.#bytesRead;
    setTimeout(() => {
      const heard = this.#alive || this.#bytesRead > before;
      if (!heard && this.#isWritable() && !this.#webSocket.isPaused) this.#webSocket.terminate();
    }, PROBE_MS).unref();
  }

  /** What the client has sent so far, messages that are not whole yet included. */
  get #bytesRead(): number {
    return this.#socket.bytesRead ?? 0;
  }
}
