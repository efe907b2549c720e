import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocket, WebSocketServer } from "ws";
import type { Documents } from "../document/documents.ts";
import { roomOfUrl } from "../protocol/room-name.ts";
import type { MetadataWriter } from "../storage/metadata-writer.ts";
import { CloseCode } from "./close-code.ts";
import { Connection, type ConnectionServices } from "./connection.ts";

export interface GatewayOptions {
  readonly documents: Documents;
  readonly metadata: MetadataWriter;
  readonly logger: Logger;
  /** The name of this server in the table of connections. */
  readonly server: string;
  readonly maxMessageBytes: number;
  readonly maxDocumentBytes: number;
  readonly maxConnectionsPerRoom: number;
}

const TICK_MS = 5_000;
const PING_MS = 30_000;

/** Closes with 4413 where `ws` would use 1009: providers that know the band do not come back. */
class ClientSocket extends WebSocket {
  override close(code?: number, data?: string | Buffer): void {
    super.close(code === 1009 ? CloseCode.tooLarge : code, data);
  }
}

/** Turns upgrade requests into connections, and keeps those alive. */
export class Gateway {
  readonly connections: Set<Connection> = new Set();
  readonly #options: GatewayOptions;
  readonly #webSockets: WebSocketServer;
  readonly #clock = { tick: 0 };
  readonly #services: ConnectionServices;
  readonly #timers: NodeJS.Timeout[];
  #accepting = true;
  #idle: (() => void) | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#services = {
      documents: options.documents,
      logger: options.logger,
      maxDocumentBytes: options.maxDocumentBytes,
      maxConnectionsPerRoom: options.maxConnectionsPerRoom,
      clock: this.#clock,
      onClosed: (connection) => this.#forget(connection),
    };
    this.#webSockets = new WebSocketServer({
      noServer: true,
      WebSocket: ClientSocket,
      clientTracking: false,
      // Updates are compact already, and a compression state would cost each client some 300 KB.
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
    });
    this.#timers = [
      setInterval(() => {
        this.#clock.tick++;
        for (const connection of this.connections) connection.keepAlive();
      }, TICK_MS),
      setInterval(() => {
        for (const connection of this.connections) connection.ping();
      }, PING_MS),
    ];
  }

  /** Serves the upgrade requests of a server. */
  attach(server: Server): void {
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Takes no new connections. */
  refuse(): void {
    this.#accepting = false;
  }

  /** Takes no more messages from the clients. */
  stopReading(): void {
    for (const connection of this.connections) connection.stopReading();
  }

  /** Closes all connections, and those without an answer when `signal` aborts. */
  async close(signal: AbortSignal): Promise<void> {
    this.refuse();
    for (const timer of this.#timers) clearInterval(timer);
    for (const connection of this.connections) {
      connection.close(CloseCode.restarting, CloseCode.text(CloseCode.restarting));
    }
    if (this.connections.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
      signal.addEventListener("abort", () => {
        for (const connection of this.connections) connection.terminate();
        resolve();
      });
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const drop = (error: Error) => {
      this.#options.logger.debug({ err: error }, "connection lost during its upgrade");
      socket.destroy();
    };
    socket.on("error", drop);
    if (!this.#accepting) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      socket.off("error", drop);
      this.#accept(request.url ?? "/", webSocket, socket);
    });
  }

  #accept(url: string, webSocket: WebSocket, socket: Duplex): void {
    const { metadata, logger, server } = this.#options;
    let room: string;
    try {
      room = roomOfUrl(url);
    } catch (error) {
      webSocket.on("error", () => webSocket.terminate());
      webSocket.close(CloseCode.badRoom, error instanceof Error ? error.message : "bad room");
      return;
    }
    const id = randomUUID();
    const connection = new Connection(id, room, webSocket, socket, this.#services);
    this.connections.add(connection);
    metadata.add({ type: "connected", connection: id, room, server, at: Date.now() });
    logger.debug({ connection: id, room }, "connected");
  }

  #forget(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    const { metadata, logger } = this.#options;
    metadata.add({ type: "disconnected", connection: connection.id, at: Date.now() });
    logger.debug({ connection: connection.id, room: connection.room }, "disconnected");
    if (this.connections.size === 0) this.#idle?.();
  }
}
