import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawSocketOptions {
  /** Headers of the upgrade. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The part of the URL after the room, such as `?token=…`. */
  readonly query?: string;
}

const HANDSHAKE_MS = 10_000;

/**
 * A TCP connection, or a WebSocket over one, that costs an attacker as little as possible: it counts
 * received bytes without parsing them.
 */
export class RawSocket {
  /** Bytes received. */
  received = 0;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    // `isOpen` reports a closed connection, whatever the reason.
    socket.on("error", () => {});
    socket.on("data", (data: Buffer) => {
      this.received += data.length;
    });
  }

  /** @throws Error if nothing is listening */
  static async open(port: number, localAddress: string): Promise<RawSocket> {
    const socket = connect({ port, host: "127.0.0.1", localAddress });
    const opened = new RawSocket(socket);
    await once(socket, "connect");
    return opened;
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.readyState === "open";
  }

  /** Bytes written that are still queued in this process. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  /** Upgrades to a WebSocket. @param path as it appears on the wire @throws Error if it is refused */
  async upgrade(path: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${extra.join("")}\r\n`,
    );
    const signal = AbortSignal.timeout(HANDSHAKE_MS);
    const closed = once(this.#socket, "close", { signal }).then(() => {
      throw new Error("the connection closed before the handshake");
    });
    const [answer] = (await Promise.race([once(this.#socket, "data", { signal }), closed])) as [
      Buffer,
    ];
    closed.catch(() => {});
    const [status = ""] = answer.toString("latin1").split("\r\n", 1);
    if (!status.startsWith("HTTP/1.1 101")) {
      this.destroy();
      throw new Error(status);
    }
  }

  /** Sends a WebSocket message. */
  send(payload: Uint8Array): void {
    this.write(frame(payload));
  }

  /** Sends bytes as they are. */
  write(bytes: Uint8Array | string): void {
    if (this.isOpen) this.#socket.write(bytes);
  }

  /** Resolves when the kernel has accepted all writes, `signal` aborts, or the connection closes. */
  async drained(signal?: AbortSignal): Promise<void> {
    while (this.isOpen && this.waiting > 0 && signal?.aborted !== true) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Stops reading: incoming data waits in the kernel, and then at the server. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Drops the connection without a close handshake. */
  destroy(): void {
    this.#socket.destroy();
  }
}

export interface FrameOptions {
  /** 2 (binary) by default; 0 is a continuation, 1 is text, 8 is a close, 9 is a ping. */
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The length in the header; the payload's length by default. */
  readonly length?: number;
}

/** A WebSocket frame from a client. Its mask is zero, which leaves the payload unchanged. */
export function frame(payload: Uint8Array, options: FrameOptions = {}): Buffer {
  const { opcode = 2, fin = true, length = payload.length } = options;
  const first = (fin ? 0x80 : 0) | opcode;
  let head: Buffer;
  if (length < 126) {
    head = Buffer.from([first, 0x80 | length, 0, 0, 0, 0]);
  } else if (length < 65_536) {
    head = Buffer.from([first, 0x80 | 126, length >> 8, length & 255, 0, 0, 0, 0]);
  } else {
    head = Buffer.alloc(14);
    head[0] = first;
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** The same frame many times, in one buffer. */
export function repeated(bytes: Uint8Array, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => bytes));
}
