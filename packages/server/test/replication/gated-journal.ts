import { StorageError } from "../../src/storage/errors.ts";
import type { Journal, JournalId, JournalRow } from "../../src/storage/journal.ts";

/** How a commit ends. A failed commit may have been written: its outcome is unknown. */
export type CommitOutcome = "succeeds" | "fails" | "is written but fails";

/** A journal of which every commit waits until the test decides how it ends. */
export class GatedJournal implements Journal {
  readonly #journal: Journal;
  #pending: {
    readonly decide: (outcome: CommitOutcome) => void;
    readonly ended: Promise<unknown>;
  } | null = null;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Whether a commit is waiting. */
  get isWaiting(): boolean {
    return this.#pending !== null;
  }

  /** Ends the waiting commit, if there is one. Resolves once it has ended. */
  async end(outcome: CommitOutcome): Promise<void> {
    const pending = this.#pending;
    this.#pending = null;
    pending?.decide(outcome);
    await pending?.ended;
  }

  append(rows: readonly JournalRow[]): Promise<readonly JournalId[]> {
    const { promise, resolve: decide } = Promise.withResolvers<CommitOutcome>();
    const ids = promise.then((outcome) => this.#append(rows, outcome));
    this.#pending = { decide, ended: Promise.allSettled([ids]) };
    return ids;
  }

  read: Journal["read"] = (room) => this.#journal.read(room);
  truncate: Journal["truncate"] = (room, ids) => this.#journal.truncate(room, ids);
  forget: Journal["forget"] = (room) => this.#journal.forget(room);
  close: Journal["close"] = () => this.#journal.close();

  async #append(
    rows: readonly JournalRow[],
    outcome: CommitOutcome,
  ): Promise<readonly JournalId[]> {
    const ids = outcome === "fails" ? [] : await this.#journal.append(rows);
    if (outcome !== "succeeds") throw new StorageError(`the commit ${outcome}`);
    return ids;
  }
}
