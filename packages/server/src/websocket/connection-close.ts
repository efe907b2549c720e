import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { reasonOf } from "../runtime/reason.ts";
import type { ClientSocket } from "./client-socket.ts";
import { CloseCode } from "./close-code.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import type { Refusals, RefusedClient } from "./refusals.ts";

export interface ConnectionCloseOptions {
  readonly id: string;
  readonly client: RefusedClient;
  readonly webSocket: ClientSocket;
  readonly socket: Duplex;
  readonly services: {
    readonly stats: ConnectionStats;
    readonly refusals: Refusals;
    readonly logger: Logger;
  };
}

/** What `ws` reports for a connection that ended without a close code. */
const NO_CLOSE_CODE = 1006;
/** How long the close frame has to reach the network before the socket and its memory are released. */
const LAST_WORDS_MS = 20;

/** How one connection is closed, with which code, and what is logged about it. */
export class ConnectionClose {
  readonly #options: ConnectionCloseOptions;
  #code: number | null = null;
  /** Closed to release its memory, so neither held nor waited for. */
  #isForMemory = false;

  constructor(options: ConnectionCloseOptions) {
    this.#options = options;
  }

  /** The code of a closed connection: this server's if it closed the connection. */
  get code(): number {
    return this.#code ?? NO_CLOSE_CODE;
  }

  get isForMemory(): boolean {
    return this.#isForMemory;
  }

  /** The connection is closing with this code. The first code counts. */
  began(code: number): void {
    this.#code ??= code;
  }

  /**
   * Sends the close frame.
   *
   * @param reason shown to the client's developer
   * @returns whether the refusal is held, because the client came back after an earlier one
   */
  send(code: CloseCode, reason: string): boolean {
    const { client, webSocket, socket, services } = this.#options;
    services.stats.close(code);
    if (!this.#isForMemory) return services.refusals.close(client, webSocket, socket, code, reason);
    webSocket.close(code, reason);
    return false;
  }

  forMemory(): void {
    this.#isForMemory = true;
  }

  /** Stops reading. If the client does not read either, releases the memory of its writes at once. */
  release(isReading: boolean): void {
    const { webSocket } = this.#options;
    webSocket.pause();
    if (isReading) setTimeout(() => webSocket.terminate(), LAST_WORDS_MS);
    else webSocket.terminate();
  }

  /** Logs why a connection was closed. A refusal that is held has been logged the first time. */
  logFailure(error: unknown, code: CloseCode, isHeld: boolean): void {
    const { id, client, services } = this.#options;
    if (code === CloseCode.internal) {
      const fields = { connection: id, room: client.room, err: error };
      services.logger.error(fields, "connection failed");
    } else if (!isHeld) {
      this.log("refused", reasonOf(error));
    }
  }

  log(message: string, reason: string): void {
    const { id, client, services } = this.#options;
    services.logger.info({ connection: id, room: client.room, reason }, message);
  }
}
