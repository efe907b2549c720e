import type { Logger } from "pino";
import {
  Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import * as Y from "yjs";
import type { Frame } from "../protocol/frame.ts";
import { decoding } from "../protocol/malformed-error.ts";
import { TooLargeError } from "../protocol/too-large-error.ts";
import { inspectUpdate, isEmpty } from "../protocol/update.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { Session } from "../room/session.ts";
import type { Sink } from "../room/subscriber.ts";
import { toError } from "../runtime/reason.ts";
import { CloseCode } from "../websocket/close-code.ts";
import { Inbox } from "./inbox.ts";
import { DocumentClosedError, type DocumentEnd, type ServerDocument } from "./server-document.ts";

export interface DocumentClientOptions {
  readonly rooms: Pick<RoomTable, "whenDurable">;
  readonly logger: Logger;
  /** Whether to garbage-collect deleted content. */
  readonly collect: boolean;
  readonly maxMessageBytes: number;
}

/** The state vector of a client that has nothing. */
const NOTHING = Uint8Array.of(0);

/**
 * A client of a document within the server's own process: a subscriber like any other, which keeps a
 * `Y.Doc` in sync with the log.
 *
 * The application's listeners on that `Y.Doc` must not run while the room writes to its subscribers,
 * because they may change the document in the middle of that. So frames written to this client are
 * applied in a microtask, and the client takes no more until then.
 */
export class DocumentClient implements ServerDocument, Sink {
  readonly room: string;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly closed: Promise<DocumentEnd>;
  readonly #options: DocumentClientOptions;
  readonly #session: Session;
  readonly #inbox: Inbox = new Inbox();
  /** The log offset after the last update that was written through this client. */
  #writtenEnd = 0;
  #end: { readonly end: DocumentEnd; readonly cause: Error | null } | undefined;
  /** Whether something was written that will not become durable. */
  #isLossy = false;
  readonly #resolveClosed: (end: DocumentEnd) => void;

  /**
   * @param session this client's session; the client disposes of it when it ends
   * @throws DeletedError; the caller then still owns the session
   */
  constructor(session: Session, options: DocumentClientOptions) {
    this.room = session.room.name;
    this.#session = session;
    this.#options = options;
    session.attach(this);
    const { promise, resolve } = Promise.withResolvers<DocumentEnd>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.doc = new Y.Doc({ gc: options.collect });
    this.awareness = new Awareness(this.doc);
    this.awareness.setLocalState(null);
    this.doc.on("update", (update, origin) => this.#wrote(update, origin));
    this.doc.on("destroy", () => this.close());
    this.awareness.on("update", (changes: AwarenessChanges) => this.#awarenessChanged(changes));
  }

  /**
   * Resolves when `doc` and `awareness` hold the current state of the room.
   *
   * @throws DeletedError, ClosedError, WorkerError if the client has ended before that
   */
  async load(): Promise<void> {
    try {
      const { room, subscriber } = this.#session;
      room.showAwareness(subscriber);
      await room.answer(subscriber, NOTHING);
    } catch (error) {
      this.#fail(error);
    }
    this.#takeNews();
    if (this.#end !== undefined)
      throw this.#end.cause ?? new Error("the document was closed while it was being opened");
  }

  get writable(): boolean {
    return this.#inbox.isEmpty;
  }

  write(frames: readonly Frame[]): void {
    if (this.#inbox.isEmpty) queueMicrotask(() => this.#takeNews());
    this.#inbox.put(frames);
  }

  /** A client in this process is always alive. */
  probe(onAlive: () => void): void {
    onAlive();
  }

  /** Implements both interfaces: the application closes it without a reason, the room with one. */
  close(reason?: Error): void {
    if (reason !== undefined) this.#isLossy = true;
    this.end(reason ?? null);
  }

  async whenDurable(): Promise<void> {
    if (this.#isLossy && this.#end !== undefined) {
      throw new DocumentClosedError(this.room, this.#end.end);
    }
    const { room } = this.#session;
    if (room.log.durable >= this.#writtenEnd) return;
    await this.#options.rooms.whenDurable(room, this.#writtenEnd);
  }

  /** Leaves the room. Earlier writes can still become durable. */
  end(cause: Error | null): void {
    if (this.#end !== undefined) return;
    const end =
      cause === null
        ? { code: 1000, reason: "closed by the application" }
        : { code: CloseCode.of(cause), reason: cause.message };
    this.#end = { end, cause };
    this.#inbox.take();
    this.#session[Symbol.dispose]();
    this.#resolveClosed(end);
    // Deferred, because it calls the application's listeners, which must not run inside the room's code.
    queueMicrotask(() => this.#forgetAwareness());
  }

  #takeNews(): void {
    const { updates, awareness } = this.#inbox.take();
    for (const update of updates) this.#attempt(() => Y.applyUpdate(this.doc, update, this));
    for (const states of awareness) {
      this.#attempt(() => applyAwarenessUpdate(this.awareness, states, this));
    }
    const { room, subscriber } = this.#session;
    if (this.#end === undefined) room.resume(subscriber);
  }

  #wrote(update: Uint8Array, origin: unknown): void {
    if (origin === this) return;
    if (this.#end !== undefined) {
      this.#isLossy = true;
      return;
    }
    try {
      this.#submit(update);
    } catch (error) {
      this.#isLossy = true;
      this.#fail(error);
    }
  }

  /** @throws TooLargeError, MalformedError as for any client */
  #submit(update: Uint8Array): void {
    const { maxMessageBytes } = this.#options;
    const contents = inspectUpdate(update);
    if (isEmpty(contents)) return;
    if (update.length > maxMessageBytes) {
      throw new TooLargeError(
        `a transaction wrote ${update.length} bytes; the limit is ${maxMessageBytes}`,
      );
    }
    const { room, subscriber } = this.#session;
    this.#writtenEnd = room.submit(update, subscriber.origin, contents);
  }

  /** Sends the state of this client only: other clients send their own. */
  #awarenessChanged({ added, updated, removed }: AwarenessChanges): void {
    const { awareness } = this;
    const own = awareness.clientID;
    if (this.#end !== undefined) return;
    if (![added, updated, removed].some((clients) => clients.includes(own))) return;
    try {
      const states = decoding("presence state", () => encodeAwarenessUpdate(awareness, [own]));
      const { room, subscriber } = this.#session;
      room.receiveAwareness(states, subscriber, Date.now());
    } catch (error) {
      // Not rethrown: from the timer that renews the state, it would be an uncaught exception.
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    const { room } = this;
    this.#options.logger.error({ room, err: error }, "closed a document of the application");
    this.end(toError(error));
  }

  #forgetAwareness(): void {
    const { awareness } = this;
    const others = [...awareness.getStates().keys()].filter((id) => id !== awareness.clientID);
    this.#attempt(() => removeAwarenessStates(awareness, others, this));
    this.#attempt(() => awareness.destroy());
  }

  /** Runs a task that calls the application's listeners, which may throw anything. */
  #attempt(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#options.logger.error(
        { room: this.room, err: error },
        "a listener of the application threw, or an update could not be integrated",
      );
    }
  }
}

/** By client id. */
interface AwarenessChanges {
  readonly added: readonly number[];
  readonly updated: readonly number[];
  readonly removed: readonly number[];
}
