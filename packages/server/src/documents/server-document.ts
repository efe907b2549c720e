import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

/**
 * A room opened by code in the server's own process: a `Y.Doc` that stays in sync with the room,
 * whichever servers its clients are connected to, and that edits like any client.
 *
 * It is not a connection: it needs no token, counts toward no connection limit, and appears in no list
 * of connections. It keeps the room's document open until it is closed.
 *
 * The server itself builds no `Y.Doc`. This one is built and kept up to date on the server's event loop
 * and in its memory: a document of tens of megabytes takes seconds to open, during which the server
 * serves nothing else, and about ten times its encoded size in memory.
 */
export interface ServerDocument {
  readonly room: string;

  /**
   * The room's content when it was opened, and every change since. Changes made to it reach all clients
   * as fast as those of a client. For changes made by others, `transaction.origin` is this
   * `ServerDocument` and `transaction.local` is false.
   *
   * An error thrown by a listener is logged and has no other effect. Once closed (see `closed`), this is
   * an ordinary `Y.Doc` that is no longer shared. Destroying it closes the document.
   */
  readonly doc: Y.Doc;

  /**
   * The awareness of the room. The local state is `null`, so that others do not see this document, until
   * it is set with `setLocalState`. It is then renewed automatically, and removed when the document is
   * closed. (`setLocalStateField` does nothing while the local state is `null`.)
   */
  readonly awareness: Awareness;

  /**
   * Resolves with the reason when this document is no longer in sync with the room. Does not reject.
   */
  readonly closed: Promise<DocumentEnd>;

  /**
   * Resolves when everything written to `doc` so far would survive a crash of every server. Waits while
   * journal writes fail. Code that writes a lot should await this now and then, because writes that are
   * not durable yet are kept in memory, up to `MAX_DOCUMENT_BYTES`.
   *
   * @throws DocumentClosedError if some of it will never be durable: the room was deleted, a write was
   *   too large, or it was made after the document was closed
   * @throws StorageError if the server was closed first
   */
  whenDurable(): Promise<void>;

  /**
   * Leaves the room at once: its awareness state is removed, and the server may unload the document.
   * Earlier writes still reach all clients and become durable. May be called more than once.
   */
  close(): void;
}

/** Why a `ServerDocument` is no longer in sync with its room. */
export interface DocumentEnd {
  /**
   * 1000 after `close()`; otherwise the close code that a client would have received: 4404 if the room
   * was deleted, 1012 if the server is shutting down, 4413 if an update, the document or the awareness
   * state was too large, 1007 if what was written cannot be decoded by others, 1011 if the server failed.
   */
  readonly code: number;
  readonly reason: string;
}

/** Writes to a `ServerDocument` were lost because the document has been closed. */
export class DocumentClosedError extends Error {
  override readonly name = "DocumentClosedError";
  /** The code of the `DocumentEnd`. */
  readonly code: number;

  constructor(room: string, { code, reason }: DocumentEnd) {
    super(`writes to room ${JSON.stringify(room)} were not saved: ${reason} (${code})`);
    this.code = code;
  }
}
