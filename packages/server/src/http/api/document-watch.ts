import type { Logger } from "pino";
import type { Frame } from "../../protocol/frame.ts";
import { readMessage } from "../../protocol/message.ts";
import { messageOf } from "../../protocol/message-of-frame.ts";
import type { UpdateContents } from "../../protocol/update.ts";
import type { Session } from "../../room/session.ts";
import type { Sink } from "../../room/subscriber.ts";
import { OverBudgetError } from "../../room/workers/worker-errors.ts";
import type { ApiServices } from "./api-services.ts";
import type { EventStream, StreamOwner } from "./event-stream.ts";
import { presenceJson } from "./presence-json.ts";
import type { PresenceJson } from "./schemas.ts";

/** A multiple of 3, so that the Base64 of each piece has no padding. */
const BYTES_PER_PIECE = 12 * 1024;
const CLIENTS_PER_PIECE = 100;

/** Minimum interval between presence events: presence changes often, and each event lists every client. */
const PRESENCE_MS = 250;
/** The state vector of an empty document. */
const NOTHING = Uint8Array.of(0);

type WatchServices = Pick<ApiServices, "rooms" | "logger">;

/**
 * Streams one document to one API client: a subscriber of the document like any other, except that it
 * writes nothing and has no awareness state.
 */
export class DocumentWatch implements Sink, StreamOwner {
  readonly #session: Session;
  readonly #rooms: ApiServices["rooms"];
  readonly #logger: Logger;
  readonly #stream: EventStream;
  /** True until all updates received so far have been handed to the stream; no more are accepted. */
  #busy = true;
  #updates: Uint8Array[] = [];
  #presenceTimer: NodeJS.Timeout | undefined;
  #presenceDue = true;

  private constructor(
    session: Session,
    { rooms, logger }: WatchServices,
    open: (owner: StreamOwner) => EventStream,
  ) {
    this.#session = session;
    this.#rooms = rooms;
    this.#logger = logger;
    session.attach(this);
    this.#stream = open(this);
  }

  /**
   * Starts a watch. It first sends the whole document.
   *
   * @param session of this watch, which ends it when the stream ends
   * @throws DeletedError, and whatever `open` throws; the caller ends the session then
   */
  static start(
    session: Session,
    services: WatchServices,
    open: (owner: StreamOwner) => EventStream,
  ): EventStream {
    const watch = new DocumentWatch(session, services, open);
    session.room.showAwareness(session.subscriber);
    void watch.#run(watch.#sendWhole());
    return watch.#stream;
  }

  get writable(): boolean {
    return !this.#busy && this.#stream.writable;
  }

  write(frames: readonly Frame[]): void {
    for (const frame of frames) readMessage(messageOf(frame), this.#receiver);
    if (!this.#busy && this.#updates.length > 0) void this.#run(this.#sendUpdates());
  }

  /** Does nothing: a watch has no awareness state that another connection could claim. */
  probe(): void {}

  /** The client reconnects and learns the reason then: for a deleted room, it gets 404. */
  close(): void {
    this.#stream.close();
  }

  onDrained(): void {
    if (this.writable && this.#presenceDue) this.#sendPresence();
    const { room, subscriber } = this.#session;
    if (this.writable) room.resume(subscriber);
  }

  onClosed(): void {
    clearTimeout(this.#presenceTimer);
    this.#session[Symbol.dispose]();
  }

  readonly #receiver = {
    onStateVector: () => {},
    onAwarenessQuery: () => {},
    onDiff: (update: Uint8Array) => this.#updates.push(update),
    onUpdate: (update: Uint8Array) => this.#updates.push(update),
    onAwareness: () => this.#presenceChanged(),
  };

  #presenceChanged(): void {
    this.#presenceTimer ??= setTimeout(() => {
      this.#presenceTimer = undefined;
      this.#presenceDue = true;
      this.onDrained();
    }, PRESENCE_MS);
  }

  async #sendWhole(): Promise<void> {
    const { room, subscriber } = this.#session;
    await room.answer(subscriber, NOTHING);
    if (this.#updates.length > 1) await this.#merge();
    await this.#sendUpdates();
  }

  /** Merges the initial updates if that is cheap; otherwise they are sent as they are. */
  async #merge(): Promise<void> {
    const { name } = this.#session.room;
    try {
      const whole = await this.#rooms.workers.attempt(name, "makeBase", this.#updates, "merge");
      this.#updates = [whole.update];
    } catch (error) {
      if (!(error instanceof OverBudgetError)) throw error;
    }
  }

  async #sendUpdates(): Promise<void> {
    const updates = this.#updates;
    this.#updates = [];
    const contents = await Promise.all(
      updates.map((update) => this.#rooms.workers.run(this.#session.room.name, "inspect", update)),
    );
    this.#stream.write(updateEvents(updates, contents));
  }

  #sendPresence(): void {
    clearTimeout(this.#presenceTimer);
    this.#presenceTimer = undefined;
    this.#presenceDue = false;
    this.#stream.write(presenceEvent(presenceJson(this.#session.room.awareness.present())));
  }

  /** Accepts no updates until the task is done. If it fails, ends the stream, and the client reconnects. */
  async #run(task: Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await task;
    } catch (error) {
      this.#logger.warn(
        { room: this.#session.room.name, err: error },
        "document watch failed, closing it",
      );
      this.close();
    }
    this.#busy = false;
    this.onDrained();
  }
}

/** One `update` event per update, in pieces. */
function* updateEvents(
  updates: readonly Uint8Array[],
  contents: readonly UpdateContents[],
): Generator<string, void> {
  const at = new Date().toISOString();
  for (const [i, update] of updates.entries()) {
    const { runs = [] } = contents[i] ?? {};
    const clients = [...new Set(Array.from(runs).filter((_, field) => field % 3 === 0))];
    const head = JSON.stringify({ at, bytes: update.length, clients });
    yield `event: update\ndata: ${head.slice(0, -1)},"update":"`;
    yield* base64(update);
    yield `"}\n\n`;
  }
}

function* base64({ buffer, byteOffset, length }: Uint8Array): Generator<string, void> {
  const bytes = Buffer.from(buffer, byteOffset, length);
  for (let start = 0; start < length; start += BYTES_PER_PIECE) {
    yield bytes.toString("base64", start, Math.min(start + BYTES_PER_PIECE, length));
  }
}

/** A `presence` event, in pieces. @param clients all present clients */
function* presenceEvent(clients: PresenceJson["clients"]): Generator<string, void> {
  yield `event: presence\ndata: {"clients":[`;
  for (let start = 0; start < clients.length; start += CLIENTS_PER_PIECE) {
    const piece = JSON.stringify(clients.slice(start, start + CLIENTS_PER_PIECE)).slice(1, -1);
    yield start === 0 ? piece : `,${piece}`;
  }
  yield "]}\n\n";
}
