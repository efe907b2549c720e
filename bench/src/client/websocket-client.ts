import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type Dialect, type DialectName, dialects } from "./dialects.ts";
import {
  FrameReader,
  maskedFrame,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_PONG,
} from "./frames.ts";

export interface ClientListener {
  /** Receives one message without prefix, `buffer[start, end)`, only valid during the call. */
  message(buffer: Buffer, start: number, end: number): void;
  /** Called after all messages of one read from the socket have been delivered. */
  chunkEnd?(): void;
  /** Called if the connection ends without a call of `close()`. */
  lost(reason: string): void;
}

/** Where a server listens, and which dialect its clients use. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** `y-websocket` when absent. */
  readonly dialect?: DialectName;
}

export function dialectOf(endpoint: Endpoint): Dialect {
  return dialects[endpoint.dialect ?? "y-websocket"];
}

const CONNECT_TIMEOUT_MS = 30_000;
const END_OF_HEADERS = "\r\n\r\n";

/** All sockets read into this buffer: its content is consumed before the next read begins. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A WebSocket client over a plain TCP socket, as cheap as Node allows. */
export class WebSocketClient {
  readonly #socket: Socket;
  readonly #listener: ClientListener;
  readonly #frames: FrameReader;
  readonly #prefix: Uint8Array;
  #closed = false;

  private constructor(socket: Socket, listener: ClientListener, prefix: Uint8Array) {
    this.#socket = socket;
    this.#listener = listener;
    this.#prefix = prefix;
    this.#frames = new FrameReader((opcode, buffer, start, end) => {
      if (opcode === OPCODE_BINARY) listener.message(buffer, start + prefix.length, end);
      else if (opcode === OPCODE_PING) {
        this.write(maskedFrame(buffer.subarray(start, end), OPCODE_PONG));
      } else if (opcode === OPCODE_CLOSE) {
        const code = end - start >= 2 ? buffer.readUInt16BE(start) : 1005;
        this.#lose(`closed with ${code} ${buffer.toString("utf8", start + 2, end)}`);
      }
    });
  }

  /**
   * Connects to `room` and sends the dialect's first messages. `localAddress` is the loopback
   * address to connect from: one address has about 28,000 ports. Rejects if the upgrade is refused
   * or takes over 30 s.
   */
  static connect(
    endpoint: Endpoint,
    room: string,
    listener: ClientListener,
    localAddress?: string,
  ): Promise<WebSocketClient> {
    const dialect = dialectOf(endpoint);
    return new Promise((resolve, reject) => {
      let client: WebSocketClient | undefined;
      let response = "";
      const fail = (error: Error): void => {
        clearTimeout(timer);
        socket.destroy();
        if (client === undefined) reject(error);
        else client.#lose(error.message);
      };
      const readHandshake = (count: number): void => {
        response += readBuffer.toString("latin1", 0, count);
        const headersEnd = response.indexOf(END_OF_HEADERS);
        if (headersEnd < 0) return;
        if (!response.startsWith("HTTP/1.1 101 ")) {
          fail(new Error(`upgrade refused: ${response.slice(0, response.indexOf("\r\n"))}`));
          return;
        }
        clearTimeout(timer);
        client = new WebSocketClient(socket, listener, dialect.prefix(room));
        for (const message of dialect.greeting) client.send(message);
        resolve(client);
        // Deliver bytes after the headers only once the caller has the client from the promise.
        const rest = Buffer.from(response.slice(headersEnd + END_OF_HEADERS.length), "latin1");
        const connected = client;
        if (rest.length > 0) queueMicrotask(() => connected.#read(rest, rest.length));
      };
      const socket = connect({
        host: endpoint.host,
        port: endpoint.port,
        noDelay: true,
        ...(localAddress === undefined ? {} : { localAddress }),
        onread: {
          buffer: readBuffer,
          callback: (count) => {
            if (client === undefined) readHandshake(count);
            else client.#read(readBuffer, count);
            return true;
          },
        },
      });
      const timer = setTimeout(
        () => fail(new Error("the server did not respond to the upgrade")),
        CONNECT_TIMEOUT_MS,
      );
      socket.on("error", fail);
      socket.on("close", () => fail(new Error("the connection was closed")));
      socket.write(upgradeRequest(endpoint, dialect.path(room)));
    });
  }

  /** Sends one message. */
  send(message: Uint8Array): void {
    this.write(this.frame(message));
  }

  /** Returns the frame of one message, for `write`. */
  frame(message: Uint8Array): Buffer {
    return maskedFrame(message, OPCODE_BINARY, this.#prefix);
  }

  /** Writes frames made by `frame`. Does nothing on a closed connection. */
  write(frames: Buffer): void {
    if (!this.#closed) this.#socket.write(frames);
  }

  /** Ends the connection without a closing handshake, like a closed laptop. */
  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #read(buffer: Buffer, count: number): void {
    if (this.#closed) return;
    try {
      this.#frames.push(buffer, 0, count);
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#listener.chunkEnd?.();
  }

  #lose(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#listener.lost(reason);
  }
}

function upgradeRequest(endpoint: Endpoint, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${endpoint.host}:${endpoint.port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    END_OF_HEADERS.slice(2),
  ].join("\r\n");
}
