import type { Context } from "hono";
import type { ApiEnv } from "../../runtime/http/api-hono.ts";
import { ApiProblem } from "./problems.ts";

/** How much a stream buffers itself, in addition to the socket's buffer. */
const BUFFER_BYTES = 16 * 1024;
const HEARTBEAT_MS = 15_000;
/** An event rather than a comment: browsers pass events to the page, which can then detect a dead server. */
const HEARTBEAT = "event: heartbeat\ndata: {}\n\n";
/** A client that has read nothing for this many heartbeats is disconnected. */
const STALLED_HEARTBEATS = 4;
/** How long a client waits before it reconnects. */
const RETRY_MS = 2_000;
const MAX_STREAMS = 200;
/** How often the session behind each stream is checked. */
const SESSION_MS = 5_000;

/** The writer of an event stream. */
export interface StreamOwner {
  /** The client has read everything, so more may be written. */
  onDrained(): void;
  /** The stream has ended. Called once. */
  onClosed(): void;
}

/**
 * Server-sent events to one client. The stream generates its events piece by piece, as the client reads
 * them, so a slow client costs no memory.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #owner: StreamOwner;
  readonly #disconnect: () => void;
  readonly #timer: NodeJS.Timeout;
  readonly #encoder = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #pieces: Iterator<string> | null = null;
  #stalled = 0;

  /** @param disconnect ends the connection of a client that has stopped reading */
  constructor(owner: StreamOwner, disconnect: () => void) {
    this.#owner = owner;
    this.#disconnect = disconnect;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
          this.#enqueue(`retry: ${RETRY_MS}\n\n`);
        },
        pull: () => this.#pull(),
        cancel: () => this.#end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
    );
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS);
  }

  /** False while the client has not read everything written so far, and once the stream has ended. */
  get writable(): boolean {
    return this.#pieces === null && this.#hasRoom;
  }

  /** Writes events. Call only while `writable`. @param pieces their text, in pieces of a few KB */
  write(pieces: Iterable<string>): void {
    if (this.#controller === undefined) return;
    this.#pieces = pieces[Symbol.iterator]();
    this.#fill();
  }

  /** Ends the stream. The client reconnects. */
  close(): void {
    const controller = this.#controller;
    this.#end();
    controller?.close();
  }

  get #hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 0) > 0;
  }

  #pull(): void {
    this.#stalled = 0;
    this.#fill();
    if (this.writable) this.#owner.onDrained();
  }

  #fill(): void {
    while (this.#pieces !== null && this.#hasRoom) {
      const { done, value } = this.#pieces.next();
      if (done) this.#pieces = null;
      else this.#enqueue(value);
    }
  }

  #enqueue(text: string): void {
    this.#controller?.enqueue(this.#encoder.encode(text));
  }

  /** Heartbeats keep proxies from closing idle connections, and only a write detects a dead one. */
  #beat(): void {
    if (this.writable) this.#enqueue(HEARTBEAT);
    else if (++this.#stalled >= STALLED_HEARTBEATS) this.#disconnect();
  }

  #end(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#pieces = null;
    clearInterval(this.#timer);
    this.#owner.onClosed();
  }
}

/** The event streams of a server. Limits their number; closes them on drain or when their session ends. */
export class EventStreams {
  readonly #open: Set<EventStream> = new Set();
  readonly #draining: AbortSignal;

  constructor(draining: AbortSignal) {
    this.#draining = draining;
    draining.addEventListener("abort", () => {
      for (const stream of [...this.#open]) stream.close();
    });
  }

  /**
   * Opens a stream as the response to a request.
   *
   * @throws ApiProblem if there are too many streams or the server is shutting down
   */
  open(c: Context<ApiEnv>, owner: StreamOwner): EventStream {
    // Hono handles HEAD like GET, but nothing would read the stream.
    if (c.req.method === "HEAD") throw new ApiProblem(405, "event streams do not support HEAD");
    if (this.#draining.aborted) throw new ApiProblem(503, "the server is shutting down");
    if (this.#open.size >= MAX_STREAMS) {
      throw new ApiProblem(503, `${MAX_STREAMS} event streams are already open; close some`);
    }
    const { outgoing } = c.env;
    const mayGoOn = c.get("mayGoOn");
    const timer = setInterval(async () => {
      if ((await mayGoOn?.()) === false) stream.close();
    }, SESSION_MS);
    const stream: EventStream = new EventStream(
      {
        onDrained: () => owner.onDrained(),
        onClosed: () => {
          clearInterval(timer);
          this.#open.delete(stream);
          owner.onClosed();
        },
      },
      () => outgoing.destroy(),
    );
    this.#open.add(stream);
    return stream;
  }
}

/** The headers of an event stream. The last one keeps proxies from buffering it. */
export const EVENT_STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
} as const;
