import type { Duplex } from "node:stream";
import { type Frame, KEEPALIVE } from "../protocol/frame.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { ConnectionStats } from "./connection-stats.ts";
import type { FairTurns } from "./fair-turns.ts";
import { FlightWindow } from "./flight-window.ts";
import { NOTHING, PartDelivery, type PartsSink } from "./part-delivery.ts";
import { goesInParts, type SharedParts } from "./shared-parts.ts";

/** Send a keepalive after this many sweeps without a message to the client. */
const SILENT_SWEEPS = 2;
/** Up to this size, copying several frames into one costs less than a write of several. */
const JOINED_BYTES = 4 * 1024;

export interface OutgoingOptions {
  readonly room: string;
  readonly address: string;
  readonly webSocket: ClientSocket;
  readonly socket: Duplex;
  readonly stats: ConnectionStats;
  readonly parts: SharedParts;
  readonly partTurns: FairTurns;
  /** Counts the sweeps of the gateway, to measure how long the client has been sent nothing. */
  readonly sweeps: { readonly count: number };
  /** The client may be ready for more. */
  readonly onReady: () => void;
}

/**
 * Writes frames to one client, long ones in parts, with flow control. It is writable when nothing is
 * being sent in parts, the socket has accepted everything written, and the flight window is open.
 */
export class Outgoing implements PartsSink {
  readonly room: string;
  readonly address: string;
  readonly #options: OutgoingOptions;
  readonly #window: FlightWindow = new FlightWindow();
  /** False while earlier writes fill the socket's buffer. */
  #hasRoom = true;
  /** Set while something is being sent in parts. */
  #delivery: PartDelivery | null = null;
  #wroteAt: number;
  /** Memory of an answer made for this client alone, until the client has taken it. */
  #answerBytes = 0;
  readonly #onRead: (() => void)[] = [];
  #isClosed = false;

  constructor(options: OutgoingOptions) {
    this.room = options.room;
    this.address = options.address;
    this.#options = options;
    this.#wroteAt = options.sweeps.count;
  }

  get writable(): boolean {
    return this.#delivery === null && this.takesAwareness;
  }

  /** Whether it can take frames that may also go between the parts of a document. */
  get takesAwareness(): boolean {
    // While the socket is paused, acknowledgements from the client are not read.
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

  /** Whether the flight window has room for more. */
  get isWindowOpen(): boolean {
    return this.#window.isOpen;
  }

  /** Bytes waiting for the client. */
  get bytes(): number {
    return this.#options.socket.writableLength + this.#answerBytes;
  }

  /** @param known the state vector that the frames answer; by default that of a new client */
  write(frames: readonly Frame[], known: Uint8Array = NOTHING): void {
    if (this.#isClosed) return;
    if (goesInParts(frames, this.#delivery !== null)) {
      this.#delivery ??= new PartDelivery(this, this.#options.parts, this.#options.partTurns);
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
    // Deferred, because the caller that is writing right now may write the queued frames itself.
    setImmediate(() => this.#options.onReady());
  }

  /** Sends a keepalive if the client has been sent nothing for a while. */
  keepAlive(): void {
    if (!this.#hasRoom) return;
    if (this.#options.sweeps.count - this.#wroteAt >= SILENT_SWEEPS) this.write([KEEPALIVE]);
  }

  /** Sends more parts if the client can take them now. */
  pump(): void {
    this.#delivery?.pump();
  }

  /** The socket has accepted everything that was written. */
  drained(): void {
    this.#hasRoom = true;
  }

  /** Handles a pong of the flight window. @returns whether it has opened the window */
  acknowledge(payload: Uint8Array): boolean {
    return this.#window.acknowledge(payload);
  }

  /** Counts an answer of this many bytes, made for this client alone, until `read` is called. */
  reserve(bytes: number): void {
    this.#answerBytes = bytes;
  }

  /** Resolves when the client has taken everything that was sent, or is gone. */
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
    } else if (bytes <= JOINED_BYTES) {
      this.#hasRoom = socket.write(Buffer.concat(frames, bytes));
    } else {
      socket.cork();
      for (const frame of frames) socket.write(frame);
      socket.uncork();
      this.#hasRoom = !socket.writableNeedDrain;
    }
    const mark = this.#window.written(bytes);
    if (mark !== null) webSocket.ping(mark);
  }
}
