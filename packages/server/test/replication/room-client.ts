import * as Y from "yjs";
import type { Room } from "../../src/room/room.ts";
import type { RoomTable } from "../../src/room/room-table.ts";
import type { Session } from "../../src/room/session.ts";
import type { Sink, Subscriber } from "../../src/room/subscriber.ts";

/** A client's connection to a room, as the server sees it. */
export class RoomClient implements Sink {
  readonly writable = true;
  /** Why the connection was closed, if it was. */
  closed: Error | undefined;
  readonly document: Room;
  readonly doc: Y.Doc = new Y.Doc();
  readonly #documents: RoomTable;
  readonly #session: Session;
  readonly #subscriber: Subscriber;

  private constructor(session: Session, documents: RoomTable) {
    this.document = session.room;
    this.#documents = documents;
    this.#session = session;
    this.#subscriber = session.attach(this);
  }

  static async open(documents: RoomTable, room: string): Promise<RoomClient> {
    return new RoomClient(await documents.open(room), documents);
  }

  /** Types into the text `text`. @returns the end of the log afterwards */
  type(text: string): number {
    this.doc.getText("text").insert(0, text);
    return this.document.submit(Y.encodeStateAsUpdate(this.doc), this.#subscriber.origin);
  }

  /** Types, and waits until it is durable. */
  async save(text: string): Promise<void> {
    await this.#documents.whenDurable(this.document, this.type(text));
  }

  write(): void {}

  probe(): void {}

  close(reason: Error): void {
    this.closed = reason;
    this.leave();
  }

  sendAwareness(states: Uint8Array): void {
    this.document.receiveAwareness(states, this.#subscriber, Date.now());
  }

  leave(): void {
    this.#session[Symbol.dispose]();
  }
}

/** Returns the text `text` of the document that these updates form. */
export function textOf(updates: readonly Uint8Array[]): string {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc.getText("text").toString();
}
