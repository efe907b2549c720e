import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import { INLINE_SCAN_BYTES } from "../document/codec.ts";
import type { Document } from "../document/document.ts";
import type { Documents } from "../document/documents.ts";
import type { Outlet, Reader } from "../document/reader.ts";
import { allocateShared } from "../memory.ts";
import { type Frame, KEEPALIVE } from "../protocol/frame.ts";
import { MalformedError } from "../protocol/malformed-error.ts";
import { type MessageReceiver, readMessage } from "../protocol/message.ts";
import { inspectUpdate, isEmpty, type UpdateContents } from "../protocol/update.ts";
import { CloseCode } from "./close-code.ts";

/** What a connection needs of the server. */
export interface ConnectionServices {
  readonly documents: Documents;
  readonly logger: Logger;
  readonly maxDocumentBytes: number;
  readonly maxConnectionsPerRoom: number;
  /** Counts up while the server runs; tells how long a connection has been silent. */
  readonly clock: { readonly tick: number };
  /** The connection is over; it is called once. */
  readonly onClosed: (connection: Connection) => void;
}

/**
 * `opening`: the document is being loaded; what the client sends waits, and the socket is not read.
 * `open`: messages are handled. `closed`: nothing is handled or sent any more.
 */
type State =
  | { readonly name: "opening" }
  | { readonly name: "open"; readonly document: Document; readonly reader: Reader }
  | { readonly name: "closed" };

/** Ticks without a message to the client after which it is sent a keepalive. */
const SILENT_TICKS = 2;

/** One client's WebSocket: hands its messages to the document, and the document's frames to it. */
export class Connection implements Outlet, MessageReceiver {
  readonly id: string;
  readonly room: string;
  readonly #services: ConnectionServices;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  #state: State = { name: "opening" };
  /** Messages that came while another was still being handled; the socket is paused meanwhile. */
  #queue: Uint8Array[] = [];
  #busy = true;
  #writable = true;
  #wroteAt: number;
  /** Whether the client has been heard since the last ping. */
  #alive = true;

  constructor(
    id: string,
    room: string,
    webSocket: WebSocket,
    socket: Duplex,
    services: ConnectionServices,
  ) {
    this.id = id;
    this.room = room;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#services = services;
    this.#wroteAt = services.clock.tick;
    webSocket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    webSocket.on("close", () => this.#closed());
    webSocket.on("error", (error) => this.#log("socket error", error.message));
    webSocket.on("pong", () => {
      this.#alive = true;
    });
    socket.on("drain", () => this.#drained());
    webSocket.pause();
    void this.#open();
  }

  get writable(): boolean {
    return this.#writable;
  }

  write(frames: readonly Frame[]): void {
    if (this.#state.name === "closed" || this.#webSocket.readyState !== this.#webSocket.OPEN)
      return;
    this.#wroteAt = this.#services.clock.tick;
    const [first] = frames;
    if (frames.length === 1 && first !== undefined) {
      this.#writable = this.#socket.write(first);
      return;
    }
    this.#socket.cork();
    for (const frame of frames) this.#writable = this.#socket.write(frame);
    this.#socket.uncork();
    this.#writable = !this.#socket.writableNeedDrain;
  }

  /** Sends something when the client has heard nothing for a while. */
  keepAlive(): void {
    if (this.#state.name !== "open" || !this.#writable) return;
    if (this.#services.clock.tick - this.#wroteAt >= SILENT_TICKS) this.write([KEEPALIVE]);
  }

  /**
   * Ends the connection if it has not been heard since the last ping, else pings it again. A client
   * that is behind has not read the ping yet; if it is gone, the network says so in the end.
   */
  ping(): void {
    if (!this.#writable) return;
    if (!this.#alive && !this.#webSocket.isPaused) {
      this.#webSocket.terminate();
      return;
    }
    this.#alive = false;
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  /** Closes the WebSocket; `reason` is shown to the client's developer. */
  close(code: CloseCode, reason: string): void {
    this.#leave();
    // A close handshake is only finished when the socket is read.
    this.#webSocket.resume();
    this.#webSocket.close(code, reason);
  }

  /** No more messages are taken from the client; it still gets what is written. */
  stopReading(): void {
    this.#busy = true;
    this.#webSocket.pause();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  onStateVector(stateVector: Uint8Array): void {
    const { document, reader } = this.#opened();
    this.#wait(document.answer(reader, stateVector.slice()));
  }

  onDiff(update: Uint8Array): void {
    this.#take(update, null);
  }

  onUpdate(update: Uint8Array): void {
    this.#take(update, this.#opened().reader);
  }

  onPresence(states: Uint8Array): void {
    const { document, reader } = this.#opened();
    document.receivePresence(states, reader, Date.now());
  }

  onPresenceQuery(): void {
    const { document, reader } = this.#opened();
    document.showPresence(reader);
  }

  /**
   * Somebody else claims a client of this connection. After a broken network a client comes back on
   * a new connection while its old one seems open: if this one is dead, it ends now, its client is
   * declared gone, and the client answers that on its new connection.
   */
  probe(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#webSocket.ping();
    setTimeout(() => {
      if (!this.#alive && this.#writable && !this.#webSocket.isPaused) this.#webSocket.terminate();
    }, PROBE_MS).unref();
  }

  async #open(): Promise<void> {
    const { documents, maxConnectionsPerRoom } = this.#services;
    try {
      const document = await documents.acquire(this.room);
      if (this.#state.name === "closed") {
        documents.release(document);
        return;
      }
      if (document.readers.size >= maxConnectionsPerRoom) {
        documents.release(document);
        this.close(CloseCode.roomFull, `the room has ${maxConnectionsPerRoom} connections`);
        return;
      }
      const reader = document.attach(this);
      this.#state = { name: "open", document, reader };
      this.write([document.stateVectorFrame()]);
      document.showPresence(reader);
      this.#proceed();
    } catch (error) {
      this.#fail(error);
    }
  }

  #receive(data: Buffer, isBinary: boolean): void {
    this.#alive = true;
    if (this.#state.name === "closed") return;
    if (!isBinary) {
      this.#fail(new MalformedError("a text message"));
    } else if (this.#busy) {
      this.#queue.push(data);
    } else {
      this.#handle(data);
    }
  }

  #handle(message: Uint8Array): void {
    try {
      readMessage(message, this);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Handles what waits, until something has to be waited for again. */
  #proceed(): void {
    this.#busy = false;
    while (!this.#busy && this.#state.name === "open") {
      const message = this.#queue.shift();
      if (message === undefined) {
        this.#webSocket.resume();
        return;
      }
      this.#handle(message);
    }
  }

  /** Lets later messages wait for `task`. Nothing more is read meanwhile, so the queue is bounded. */
  #wait(task: Promise<void>): void {
    this.#busy = true;
    this.#webSocket.pause();
    task.then(
      () => this.#proceed(),
      (error: unknown) => this.#fail(error),
    );
  }

  /** @param author `null` for what the client returned, which may be anybody's, and known already */
  #take(update: Uint8Array, author: Reader | null): void {
    if (update.length > INLINE_SCAN_BYTES) {
      const copy = allocateShared(update.length);
      copy.set(update);
      const inspected = this.#services.documents.codec.run("inspect", copy);
      this.#wait(inspected.then((contents) => this.#append(copy, contents, author)));
    } else {
      this.#append(update, inspectUpdate(update), author);
    }
  }

  #append(update: Uint8Array, contents: UpdateContents, author: Reader | null): void {
    if (this.#state.name !== "open" || isEmpty(contents)) return;
    const { document } = this.#state;
    if (author === null && document.knows(update, contents)) return;
    const { documents, maxDocumentBytes } = this.#services;
    if (document.log.bytes + update.length > maxDocumentBytes) {
      this.close(CloseCode.tooLarge, `the document would exceed ${maxDocumentBytes} bytes`);
      return;
    }
    document.append(update.subarray(0, contents.byteLength), author, Date.now());
    if (documents.journal.full) this.#wait(documents.journal.whenNotFull());
  }

  #drained(): void {
    this.#writable = true;
    this.#alive = true;
    if (this.#state.name === "open") this.#state.document.resume(this.#state.reader);
  }

  #opened(): { document: Document; reader: Reader } {
    if (this.#state.name !== "open") throw new Error(`connection ${this.id} is not open`);
    return this.#state;
  }

  #fail(error: unknown): void {
    if (this.#state.name === "closed") return;
    const reason = error instanceof Error ? error.message : String(error);
    const code = CloseCode.of(error);
    if (code === CloseCode.internal) {
      this.#services.logger.error({ connection: this.id, room: this.room, err: error }, "failed");
    } else {
      this.#log("refused", reason);
    }
    this.close(code, code === CloseCode.malformed ? reason.slice(0, 100) : CloseCode.text(code));
  }

  #log(message: string, reason: string): void {
    this.#services.logger.info({ connection: this.id, room: this.room, reason }, message);
  }

  #closed(): void {
    this.#leave();
    this.#services.onClosed(this);
  }

  #leave(): void {
    const state = this.#state;
    this.#state = { name: "closed" };
    this.#queue = [];
    if (state.name !== "open") return;
    state.document.detach(state.reader, Date.now());
    this.#services.documents.release(state.document);
  }
}

/** How long a connection that may be dead has to answer. */
const PROBE_MS = 3_000;
