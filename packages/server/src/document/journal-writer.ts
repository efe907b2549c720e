import type { Logger } from "pino";
import type { Journal, JournalId, JournalRow } from "../storage/journal.ts";
import type { Document } from "./document.ts";

/** An open document and what the stores hold of it. */
export interface Journaled {
  readonly document: Document;
  /** Rows that no stored snapshot is known to contain, each with the offset that it reaches to. */
  rows: { readonly id: JournalId; readonly end: number }[];
}

/** How long updates are gathered after a commit, so that a busy server does not sync per update. */
const GATHER_MS = 10;
/** A commit that takes longer than this is not waited for when others' updates are sent. */
const SLOW_MS = 25;
/** A commit that takes longer than this, or fails, is a problem that readiness reports. */
const STALL_MS = 200;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;
/** One commit takes no more than this; the rest follows in the next. */
const COMMIT_BYTES = 8 * 1024 * 1024;
/** With this much waiting to be written, clients are no longer read until it has shrunk. */
const BACKLOG_BYTES = 128 * 1024 * 1024;

/**
 * The journal's reader of all logs: writes what clients wrote in group commits, one at a time,
 * each with the pending updates of all documents. A commit that fails is tried again, for ever.
 */
export class JournalWriter {
  readonly #journal: Journal;
  readonly #logger: Logger;
  readonly #journaled: Map<Document, Journaled> = new Map();
  #pending: Set<Document> = new Set();
  #running: Promise<void> | undefined;
  #waiters: (() => void)[] = [];
  #slow = false;
  #stalledSince: number | undefined;
  #failure: string | undefined;
  #backlog = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(journal: Journal, logger: Logger) {
    this.#journal = journal;
    this.#logger = logger;
  }

  /** True while commits fail or take long: nobody then waits for them to be sent others' updates. */
  get slow(): boolean {
    return this.#slow;
  }

  /** Why nothing becomes durable, or `undefined` when it does. */
  get problem(): string | undefined {
    if (this.#stalledSince === undefined) return undefined;
    return this.#failure ?? `a commit has been under way since ${ago(this.#stalledSince)}`;
  }

  /** True when too much waits to be written. */
  get full(): boolean {
    return this.#backlog > BACKLOG_BYTES;
  }

  /** Resolves when `full` has ended, or the writer is closed. */
  whenNotFull(): Promise<void> {
    if (!this.full || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  add(journaled: Journaled): void {
    this.#journaled.set(journaled.document, journaled);
  }

  remove(document: Document): void {
    this.#journaled.delete(document);
    this.#pending.delete(document);
  }

  /** Writes what the document has appended, soon. @param bytes how much that is */
  enqueue(document: Document, bytes: number): void {
    this.#backlog += bytes;
    this.#pending.add(document);
    this.#running ??= this.#run();
  }

  /** Resolves when everything that was enqueued is durable; never while the journal fails. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Stops trying. What is not durable is not written any more. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
    this.#release();
  }

  async #run(): Promise<void> {
    let delay = RETRY_MIN_MS;
    // The turn ends first, so that what came in it goes into one commit.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending.size > 0 && !this.#closed) {
      try {
        await this.#commit();
        delay = RETRY_MIN_MS;
        this.#recovered();
        await this.#pause(GATHER_MS);
      } catch (error) {
        this.#failed(error);
        await this.#pause(delay * (0.5 + Math.random() / 2));
        delay = Math.min(delay * 2, RETRY_MAX_MS);
      }
    }
    this.#running = undefined;
  }

  async #commit(): Promise<void> {
    const rows: JournalRow[] = [];
    const sources: { journaled: Journaled; end: number }[] = [];
    const documents = [...this.#pending];
    this.#pending = new Set();
    let bytes = 0;
    for (const document of documents) {
      const journaled = this.#journaled.get(document);
      if (journaled === undefined) continue;
      const { log } = document;
      for (const entry of log.entries(log.durable, log.end)) {
        if (entry.author === "elsewhere") continue;
        if (bytes >= COMMIT_BYTES) {
          this.#pending.add(document);
          break;
        }
        rows.push({ room: document.room, update: entry.update });
        sources.push({ journaled, end: entry.end });
        bytes += entry.update.length;
      }
    }
    const slow = setTimeout(() => this.#slowDown(documents), SLOW_MS);
    const stall = setTimeout(() => this.#stall(), STALL_MS);
    try {
      const ids = await this.#journal.append(rows);
      sources.forEach(({ journaled, end }, i) => {
        const id = ids[i];
        if (id !== undefined) journaled.rows.push({ id, end });
        journaled.document.markDurable(end);
      });
      this.#backlog -= bytes;
      if (!this.full) this.#release();
    } catch (error) {
      for (const document of documents) {
        if (this.#journaled.has(document)) this.#pending.add(document);
      }
      this.#slowDown(documents);
      this.#stall();
      throw error;
    } finally {
      clearTimeout(slow);
      clearTimeout(stall);
    }
  }

  #slowDown(documents: readonly Document[]): void {
    if (this.#slow) return;
    this.#slow = true;
    for (const document of documents) document.flush();
  }

  #stall(): void {
    this.#stalledSince ??= Date.now();
  }

  #failed(error: unknown): void {
    const first = this.#failure === undefined;
    this.#failure = error instanceof Error ? error.message : String(error);
    if (first) this.#logger.error({ err: error }, "the journal cannot be written; trying again");
  }

  #recovered(): void {
    if (this.#failure !== undefined) this.#logger.info("the journal can be written again");
    this.#slow = false;
    this.#stalledSince = undefined;
    this.#failure = undefined;
  }

  #release(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      this.#wake = done;
      function done() {
        clearTimeout(timer);
        resolve();
      }
    });
  }
}

function ago(time: number): string {
  return new Date(time).toISOString();
}
