import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

/**
 * A room as code of the server's own process sees it: a `Y.Doc` that follows the room, on whichever
 * servers its clients are, and that edits like any client.
 *
 * It is no connection: it needs no token, counts for no limit of connections, and is in no list of
 * them. It keeps the room's document open until it is closed.
 *
 * The server itself builds no `Y.Doc`. This one is built and kept up to date on the event loop, in the
 * memory of the server: a document of tens of megabytes takes seconds to open, during which nothing
 * else is served, and about ten times its encoded size in memory.
 */
export interface ServerDocument {
  readonly room: string;

  /**
   * What the room held when it was opened, and every change since. What is written to it reaches
   * everybody, as soon as what a client writes. `transaction.origin` of changes that come from others is
   * this `ServerDocument`, and `transaction.local` is false.
   *
   * A listener that throws is logged, and does no other harm. After the end (see `closed`) this is an
   * ordinary `Y.Doc` that nobody else sees; destroying it closes the document.
   */
  readonly doc: Y.Doc;

  /**
   * Who is there. The local state is `null`, so others do not see this document, until
   * `setLocalState` gives one; it is renewed by itself, and goes when the document is closed.
   * (`setLocalStateField` does nothing while the local state is `null`.)
   */
  readonly awareness: Awareness;

  /**
   * Resolves when this document no longer follows the room, with the reason. It does not reject.
   */
  readonly closed: Promise<DocumentEnd>;

  /**
   * Resolves when everything that was written to `doc` so far survives a crash of every server. While
   * the journal cannot be written it waits; whoever writes much should wait for it now and then, because
   * what is not durable is kept in memory, up to `MAX_DOCUMENT_BYTES`.
   *
   * @throws DocumentClosedError when some of it never gets there: the room was deleted, it was too
   *   large, or it was written after the document was closed
   * @throws StorageError when the server ended before
   */
  whenDurable(): Promise<void>;

  /**
   * Leaves the room, at once: its presence goes, and the server may let the document go. What was
   * written before reaches everybody and becomes durable all the same. May be called again.
   */
  close(): void;
}

/** Why a `ServerDocument` no longer follows its room. */
export interface DocumentEnd {
  /**
   * 1000 after `close()`; else what a client would have been closed with: 4404 when the room was
   * deleted, 1012 when the server drains, 4413 when an update, the document or the presence state was too
   * large, 1007 when what was written is nothing that others can read, 1011 when the server failed.
   */
  readonly code: number;
  readonly reason: string;
}

/** What was written to a `ServerDocument` reaches nobody: the document has been closed. */
export class DocumentClosedError extends Error {
  override readonly name = "DocumentClosedError";
  /** As that of `DocumentEnd`. */
  readonly code: number;

  constructor(room: string, { code, reason }: DocumentEnd) {
    super(`what was written to room ${JSON.stringify(room)} is not saved: ${reason} (${code})`);
    this.code = code;
  }
}
