import * as Y from "yjs";
import type { Document } from "../../src/room/document.ts";
import type { Documents } from "../../src/room/documents.ts";
import type { Sink, Subscriber } from "../../src/room/subscriber.ts";

/** A client's connection to a room, as a server's documents see it. */
export class RoomClient implements Sink {
  readonly writable = true;
  /** Why the connection was closed, if it was. */
  closed: Error | undefined;
  readonly document: Document;
  readonly doc: Y.Doc = new Y.Doc();
  readonly #documents: Documents;
  readonly #subscriber: Subscriber;

  private constructor(document: Document, documents: Documents) {
    this.document = document;
    this.#documents = documents;
    this.#subscriber = document.attach(this);
  }

  static async open(documents: Documents, room: string): Promise<RoomClient> {
    return new RoomClient(await documents.acquire(room), documents);
  }

  /** Types into the text `text`. @returns the end of the log after that */
  type(text: string): number {
    this.doc.getText("text").insert(0, text);
    this.document.append(Y.encodeStateAsUpdate(this.doc), this.#subscriber, Date.now());
    return this.document.log.end;
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
    this.document.detach(this.#subscriber, Date.now());
    this.release();
  }

  /** Releases its use of the document, but stays connected. */
  release(): void {
    this.#documents.release(this.document);
  }
}

/** Returns the text `text` of the document that these updates make. */
export function textOf(updates: readonly Uint8Array[]): string {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc.getText("text").toString();
}
