import type { Socket } from "node:net";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { decodeRaw, encodeRaw, type RawMessage, type RawPresence } from "./raw-messages.ts";
import { waitFor } from "./wait-for.ts";

export interface RawClientOptions {
  readonly protocols?: readonly string[];
  /** The part of the URL after the room, such as `?token=…`. */
  readonly query?: string;
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another address of this machine. */
  readonly localAddress?: string;
  /** Called with each message, after it has been added to `messages`. */
  readonly onMessage?: (message: RawMessage, client: RawClient) => void;
  /** `false`: messages are only passed to `onMessage`, and not kept. */
  readonly keep?: boolean;
}

export interface RawClose {
  readonly code: number;
  readonly reason: string;
}

/** The state vector of an empty document. */
const NOTHING = Y.encodeStateVector(new Y.Doc());

/**
 * A passive client: it sends only what the test tells it to. It decodes everything it receives strictly,
 * and keeps it.
 */
export class RawClient {
  /** All messages so far, in order. */
  readonly messages: RawMessage[] = [];
  /** Descriptions of received messages that no client should receive. */
  readonly faults: string[] = [];
  /** Resolves when the connection closes, whichever side closes it. */
  readonly closed: Promise<RawClose>;
  readonly #socket: WebSocket;
  readonly #onMessage: RawClientOptions["onMessage"];
  readonly #keep: boolean;
  #tcp: Socket | undefined;

  private constructor(socket: WebSocket, options: RawClientOptions) {
    this.#socket = socket;
    this.#onMessage = options.onMessage;
    this.#keep = options.keep ?? true;
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.once("upgrade", (response) => {
      this.#tcp = response.socket;
    });
    socket.on("message", (data: Buffer, isBinary) => this.#receive(data, isBinary));
  }

  /**
   * @param room put into the URL unchanged, as providers do
   * @returns the client, once the upgrade has been accepted
   * @throws Error if the upgrade was rejected
   */
  static async connect(
    wsUrl: string,
    room: string,
    options: RawClientOptions = {},
  ): Promise<RawClient> {
    const url = `${wsUrl}/${room}${options.query ?? ""}`;
    const { protocols = [], headers = {}, origin } = options;
    const socket = new WebSocket(url, [...protocols], {
      perMessageDeflate: false,
      headers,
      ...(origin === undefined ? {} : { origin }),
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    });
    const client = new RawClient(socket, options);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    // From here on, an error is followed by a close, which is what tests check.
    socket.on("error", () => {});
    return client;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** This client's local port. */
  get localPort(): number {
    return this.#tcp?.localPort ?? 0;
  }

  /** The subprotocol that the server selected; empty if none. */
  get subprotocol(): string {
    return this.#socket.protocol;
  }

  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  /** Sends bytes that need not be a valid frame. */
  sendRaw(bytes: Uint8Array): void {
    this.#tcp?.write(bytes);
  }

  sendText(text: string): void {
    this.#socket.send(text);
  }

  send(message: RawMessage): void {
    this.sendBytes(encodeRaw(message));
  }

  sendStep1(stateVector: Uint8Array = NOTHING): void {
    this.send({ type: "step1", stateVector });
  }

  sendUpdate(update: Uint8Array): void {
    this.send({ type: "update", update });
  }

  sendPresence(...states: RawPresence[]): void {
    this.send({ type: "presence", states });
  }

  /** Resolves once the server has received everything sent, or the connection has closed. */
  async ping(): Promise<void> {
    const pong = new Promise<void>((resolve) => {
      this.#socket.once("pong", () => resolve());
    });
    if (this.isOpen) this.#socket.ping();
    await Promise.race([pong, this.closed]);
  }

  /**
   * Resolves with the first message of a type, which may have arrived already.
   *
   * @throws Error if the connection closes first
   */
  async first<T extends RawMessage["type"]>(type: T): Promise<Extract<RawMessage, { type: T }>> {
    const what = () => `a ${type} message arrived; received: ${this.#summary()}`;
    return await waitFor(
      () => {
        const found = this.messages.find((message) => isOfType(message, type));
        if (found === undefined && this.#socket.readyState === WebSocket.CLOSED) {
          throw new Error(`the connection closed before ${what()}`);
        }
        return found as Extract<RawMessage, { type: T }> | undefined;
      },
      { message: what },
    );
  }

  /** The newest state received for an awareness client; `undefined` if there was none. */
  presenceOf(client: number): RawPresence | undefined {
    let newest: RawPresence | undefined;
    for (const message of this.messages) {
      if (message.type !== "presence") continue;
      for (const state of message.states) if (state.client === client) newest = state;
    }
    return newest;
  }

  /** Everything received, applied to an empty document. */
  document(): Y.Doc {
    const doc = new Y.Doc();
    for (const message of this.messages) {
      if (message.type === "step2" || message.type === "update") {
        Y.applyUpdate(doc, message.update);
      }
    }
    return doc;
  }

  /** Closes the connection, and resolves when it has closed. */
  async close(): Promise<RawClose> {
    this.#socket.close(1000);
    return await this.closed;
  }

  /** Stops reading: what the server sends queues in the kernel's buffers, then at the server. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Drops the connection without a close handshake. */
  terminate(): void {
    this.#socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      this.faults.push("a text message");
      return;
    }
    let message: RawMessage;
    try {
      message = decodeRaw(data);
    } catch (error) {
      this.faults.push(`${String(error)}: ${data.subarray(0, 64).toString("hex")}`);
      return;
    }
    if (this.#keep) this.messages.push(message);
    this.#onMessage?.(message, this);
  }

  #summary(): string {
    return `${this.messages.map((message) => message.type).join(", ")} ${this.faults.join("; ")}`;
  }
}

/** Joins a room as a new client, and resolves with the document that it receives. */
export async function readRoom(wsUrl: string, room: string): Promise<Y.Doc> {
  const client = await RawClient.connect(wsUrl, room);
  client.sendStep1();
  await client.first("step2");
  const doc = client.document();
  await client.close();
  return doc;
}

function isOfType<T extends RawMessage["type"]>(
  message: RawMessage,
  type: T,
): message is Extract<RawMessage, { type: T }> {
  return message.type === type;
}
