import type { Logger } from "pino";
import type { Frame } from "../../protocol/frame.ts";
import { readMessage } from "../../protocol/message.ts";
import { messageOf } from "../../protocol/message-of-frame.ts";
import type { Session } from "../../room/session.ts";
import type { Sink } from "../../room/subscriber.ts";
import { OverBudgetError } from "../../room/worker-errors.ts";
import type { ApiServices } from "./api-services.ts";
import type { EventStream, StreamOwner } from "./event-stream.ts";
import { presenceJson } from "./presence-json.ts";
import { presenceEvent, updateEvents } from "./watch-events.ts";

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
