import type { Duplex } from "node:stream";
import { type Frame, KEEPALIVE } from "../protocol/frame.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import { FlightWindow } from "./flight-window.ts";
import { NOTHING, PartDelivery, type PartsSink } from "./part-delivery.ts";
import { goesInParts, type SharedParts } from "./shared-parts.ts";

/** Sweeps without a message to the client after which it is sent a keepalive. */
const SILENT_SWEEPS = 2;

export interface OutgoingOptions {
  readonly room: string;
  readonly webSocket: ClientSocket;
  readonly socket: Duplex;
  readonly stats: ConnectionStats;
  readonly parts: SharedParts;
  /** Counts up while the server runs; tells how long a connection has been silent. */
  readonly sweeps: { readonly count: number };
  /** The client may take more now. */
  readonly onReady: () => void;
}

/**
 * The way to one client: writes frames, long ones in parts, and knows how much the client takes. It is
 * writable when nothing is being sent in parts, the socket has taken what was written, and not too much
 * is on its way.
 */
export class Outgoing implements PartsSink {
  readonly room: string;
  readonly #options: OutgoingOptions;
  readonly #window: FlightWindow = new FlightWindow();
  /** False while the socket still holds what was written before. */
  #hasRoom = true;
  /** While something is sent in parts. */
  #delivery: PartDelivery | null = null;
  #wroteAt: number;
  /** What an answer of its own takes, from when it is computed until the client has taken it. */
  #answerBytes = 0;
  readonly #onRead: (() => void)[] = [];
  #isClosed = false;

  constructor(options: OutgoingOptions) {
    this.room = options.room;
    this.#options = options;
    this.#wroteAt = options.sweeps.count;
  }

  get writable(): boolean {
    return this.#delivery === null && this.takesAwareness;
  }

  /** Whether it takes what goes between the parts of a document too. */
  get takesAwareness(): boolean {
    // A client that is not read cannot say what has arrived.
    return this.#hasRoom && (this.#window.isOpen || this.#options.webSocket.isPaused);
  }

  get takesPart(): boolean {
    return this.takesAwareness;
  }

  get isFast(): boolean {
    return this.#window.isFast;
  }

  get hasRoom(): boolean {
    return this.#hasRoom;
  }

  /** Whether less is on its way than the client may have to take. */
  get isWindowOpen(): boolean {
    return this.#window.isOpen;
  }

  /** What waits for the client, in bytes. */
  get bytes(): number {
    return this.#options.socket.writableLength + this.#answerBytes;
  }

  /** @param known the state vector for which an answer was made; without it, that of a new client */
  write(frames: readonly Frame[], known: Uint8Array = NOTHING): void {
    if (this.#isClosed) return;
    if (goesInParts(frames, this.#delivery !== null)) {
      this.#delivery ??= new PartDelivery(this, this.#options.parts);
      this.#delivery.add(frames, known);
      this.#delivery.pump();
    } else {
      this.#send(frames);
    }
  }

  sendPart(frame: Frame): void {
    this.#send([frame]);
  }

  onDelivered(): void {
    this.#delivery = null;
    // What waits may be written by the caller that writes just now.
    setImmediate(() => this.#options.onReady());
  }

  /** Sends a keepalive when the client has heard nothing for a while. */
  keepAlive(): void {
    if (!this.#hasRoom) return;
    if (this.#options.sweeps.count - this.#wroteAt >= SILENT_SWEEPS) this.write([KEEPALIVE]);
  }

  /** Sends more parts, if the client takes them now. */
  pump(): void {
    this.#delivery?.pump();
  }

  /** The socket has taken what was written. */
  drained(): void {
    this.#hasRoom = true;
  }

  /** The client has answered a ping of the flight window. @returns whether more may be on its way now */
  acknowledge(payload: Uint8Array): boolean {
    return this.#window.acknowledge(payload);
  }

  /** An answer of this many bytes is being made for this client alone; see `read`. */
  reserve(bytes: number): void {
    this.#answerBytes = bytes;
  }

  /** Resolves when the client has taken what it was sent, or is gone. */
  whenRead(): Promise<void> {
    if (this.#isClosed || this.writable) {
      this.read();
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#onRead.push(resolve));
  }

  /** The client has taken everything. */
  read(): void {
    this.#answerBytes = 0;
    for (const resolve of this.#onRead.splice(0)) resolve();
  }

  /** Writes nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#delivery?.cancel();
    this.#delivery = null;
    this.read();
  }

  #send(frames: readonly Frame[]): void {
    const { webSocket, socket, stats, sweeps } = this.#options;
    if (webSocket.readyState !== webSocket.OPEN) return;
    stats.messagesOut += frames.length;
    let bytes = 0;
    for (const frame of frames) bytes += frame.length;
    stats.bytesOut += bytes;
    this.#wroteAt = sweeps.count;
    const [first] = frames;
    if (frames.length === 1 && first !== undefined) {
      this.#hasRoom = socket.write(first);
    } else {
      socket.cork();
      for (const frame of frames) this.#hasRoom = socket.write(frame);
      socket.uncork();
      this.#hasRoom = !socket.writableNeedDrain;
    }
    const mark = this.#window.written(bytes);
    if (mark !== null) webSocket.ping(mark);
  }
}
