import type { Context } from "hono";
import type { ApiEnv } from "../../runtime/http/api-hono.ts";
import { ApiProblem } from "./problems.ts";

/** What waits in a stream itself, beside what the socket holds. */
const BUFFER_BYTES = 16 * 1024;
const HEARTBEAT_MS = 15_000;
/** An event, and no comment: a browser tells its page of that, which so knows that the server works. */
const HEARTBEAT = "event: heartbeat\ndata: {}\n\n";
/** A client that has taken nothing for so many heartbeats is gone. */
const STALLED_HEARTBEATS = 4;
/** How long a client waits before it connects again. */
const RETRY_MS = 2_000;
const MAX_STREAMS = 200;
/** How often it is asked whether the sessions of those who watch have ended. */
const SESSION_MS = 5_000;

/** Whoever writes to an event stream. */
export interface StreamOwner {
  /** The client has taken everything: more may be written. */
  onDrained(): void;
  /** The stream is over. Called once. */
  onClosed(): void;
}

/**
 * Server-sent events to one client. There is one event in it at a time, which is made piece by piece
 * as the client takes it: a slow client costs no memory.
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

  /** @param disconnect ends the connection to a client that takes nothing any more */
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

  /** False while the client has not taken what was written before, and when the stream is over. */
  get writable(): boolean {
    return this.#pieces === null && this.#hasRoom;
  }

  /** Writes events, when the stream is writable. @param pieces their text, in pieces of some KB */
  write(pieces: Iterable<string>): void {
    if (this.#controller === undefined) return;
    this.#pieces = pieces[Symbol.iterator]();
    this.#fill();
  }

  /** Ends the stream. The client connects again. */
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

  /** Proxies end connections on which they hear nothing; and only by writing a dead one is found. */
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

/** The event streams of a server: not too many, none while it drains, and none of a session that is over. */
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
   * Begins a stream as the answer to a request.
   *
   * @throws ApiProblem when there are too many, or the server is going away
   */
  open(c: Context<ApiEnv>, owner: StreamOwner): EventStream {
    // Hono answers this like GET, and nobody would take what the stream holds.
    if (c.req.method === "HEAD") throw new ApiProblem(405, "an event stream has no HEAD");
    if (this.#draining.aborted) throw new ApiProblem(503, "the server is shutting down");
    if (this.#open.size >= MAX_STREAMS) {
      throw new ApiProblem(503, `${MAX_STREAMS} event streams are open; close some`);
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

/** The headers of an event stream. The last one is for proxies that would gather what is written. */
export const EVENT_STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-accel-buffering": "no",
} as const;
