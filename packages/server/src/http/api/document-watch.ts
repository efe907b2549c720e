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

/** Presence changes often, and each event tells of all who are there. */
const PRESENCE_MS = 250;
/** The state vector of a client that has nothing. */
const NOTHING = Uint8Array.of(0);

type WatchServices = Pick<ApiServices, "rooms" | "logger">;

/**
 * Shows one document to one client of the API: a reader of the document like any other, that writes
 * nothing and is in no presence.
 */
export class DocumentWatch implements Sink, StreamOwner {
  readonly #session: Session;
  readonly #rooms: ApiServices["rooms"];
  readonly #logger: Logger;
  readonly #stream: EventStream;
  /** Until everything that came before has been handed to the stream, nothing more is taken. */
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
   * Begins with the whole document.
   *
   * @param session of this watch, which ends it when the stream is over
   * @throws DeletedError, and what `open` throws; the caller ends the session then
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

  /** A reader that is in no presence is claimed by nobody. */
  probe(): void {}

  /** The client connects again, and is told then: a room that was deleted is not found. */
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

  /** Merges what is sent first, where that is cheap; else it is sent as it is. */
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

  /** Takes nothing else until the task is done. A client that lost something connects again. */
  async #run(task: Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await task;
    } catch (error) {
      this.#logger.warn(
        { room: this.#session.room.name, err: error },
        "a watch of a document ended",
      );
      this.close();
    }
    this.#busy = false;
    this.onDrained();
  }
}
