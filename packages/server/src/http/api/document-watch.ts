import type { Logger } from "pino";
import type { Frame } from "../../protocol/frame.ts";
import { readMessage } from "../../protocol/message.ts";
import { messageOf } from "../../protocol/message-of-frame.ts";
import type { Document } from "../../room/document.ts";
import type { Sink, Subscriber } from "../../room/subscriber.ts";
import { OverBudgetError } from "../../room/worker-errors.ts";
import type { ApiServices } from "./api-services.ts";
import type { EventStream, StreamOwner } from "./event-stream.ts";
import { presenceJson } from "./presence-json.ts";
import { presenceEvent, updateEvents } from "./watch-events.ts";

/** Minimum interval between presence events: presence changes often, and each event lists every client. */
const PRESENCE_MS = 250;
/** The state vector of an empty document. */
const NOTHING = Uint8Array.of(0);

type WatchServices = Pick<ApiServices, "documents" | "logger">;

/**
 * Streams one document to one API client: a subscriber of the document like any other, except that it
 * writes nothing and has no awareness state.
 */
export class DocumentWatch implements Sink, StreamOwner {
  readonly #document: Document;
  readonly #documents: ApiServices["documents"];
  readonly #logger: Logger;
  readonly #subscriber: Subscriber;
  readonly #stream: EventStream;
  /** True until all updates received so far have been handed to the stream; no more are accepted. */
  #busy = true;
  #updates: Uint8Array[] = [];
  #presenceTimer: NodeJS.Timeout | undefined;
  #presenceDue = true;

  private constructor(
    document: Document,
    { documents, logger }: WatchServices,
    open: (owner: StreamOwner) => EventStream,
  ) {
    this.#document = document;
    this.#documents = documents;
    this.#logger = logger;
    this.#subscriber = document.attach(this);
    try {
      this.#stream = open(this);
    } catch (error) {
      document.detach(this.#subscriber, Date.now());
      throw error;
    }
  }

  /**
   * Starts a watch. It first sends the whole document.
   *
   * @param document acquired for this watch, which releases it when the stream ends
   * @throws DeletedError, and whatever `open` throws; the document is not released then
   */
  static start(
    document: Document,
    services: WatchServices,
    open: (owner: StreamOwner) => EventStream,
  ): EventStream {
    const watch = new DocumentWatch(document, services, open);
    document.showAwareness(watch.#subscriber);
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
    if (this.writable) this.#document.resume(this.#subscriber);
  }

  onClosed(): void {
    clearTimeout(this.#presenceTimer);
    this.#document.detach(this.#subscriber, Date.now());
    this.#documents.release(this.#document);
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
    await this.#document.answer(this.#subscriber, NOTHING);
    if (this.#updates.length > 1) await this.#merge();
    await this.#sendUpdates();
  }

  /** Merges the initial updates if that is cheap; otherwise they are sent as they are. */
  async #merge(): Promise<void> {
    const { room } = this.#document;
    try {
      const whole = await this.#documents.workers.attempt(room, "makeBase", this.#updates, "merge");
      this.#updates = [whole.update];
    } catch (error) {
      if (!(error instanceof OverBudgetError)) throw error;
    }
  }

  async #sendUpdates(): Promise<void> {
    const updates = this.#updates;
    this.#updates = [];
    const contents = await Promise.all(
      updates.map((update) => this.#documents.workers.run(this.#document.room, "inspect", update)),
    );
    this.#stream.write(updateEvents(updates, contents));
  }

  #sendPresence(): void {
    clearTimeout(this.#presenceTimer);
    this.#presenceTimer = undefined;
    this.#presenceDue = false;
    this.#stream.write(presenceEvent(presenceJson(this.#document.awareness.present())));
  }

  /** Accepts no updates until the task is done. If it fails, ends the stream, and the client reconnects. */
  async #run(task: Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await task;
    } catch (error) {
      this.#logger.warn(
        { room: this.#document.room, err: error },
        "document watch failed, closing it",
      );
      this.close();
    }
    this.#busy = false;
    this.onDrained();
  }
}
