import type { WebSocket } from "ws";

/** How long a connection that may be dead has to answer. */
const PROBE_MS = 3_000;

/** Finds out whether the other end of a WebSocket is still there, and ends it if it is not. */
export class Liveness {
  readonly #webSocket: WebSocket;
  readonly #isWritable: () => boolean;
  /** Whether the client has been heard since the last ping. */
  #alive = true;

  /**
   * @param isWritable false while the client is behind. It has not read the ping yet then, and is left
   *   alone: if it is gone, the network says so in the end
   */
  constructor(webSocket: WebSocket, isWritable: () => boolean) {
    this.#webSocket = webSocket;
    this.#isWritable = isWritable;
    webSocket.on("pong", () => this.heard());
  }

  heard(): void {
    this.#alive = true;
  }

  /** Ends the WebSocket if the client has not been heard since the last ping, else pings it again. */
  ping(): void {
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
    setTimeout(() => {
      const isSilent = !this.#alive && this.#isWritable() && !this.#webSocket.isPaused;
      if (isSilent) this.#webSocket.terminate();
    }, PROBE_MS).unref();
  }
}
