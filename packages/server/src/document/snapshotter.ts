import type { Logger } from "pino";
import type { HookCalls } from "../hooks/hook-calls.ts";
import { SnapshotStats } from "../metrics/stats.ts";
import type { MetadataWriter } from "../storage/metadata-writer.ts";
import type { Codec } from "./codec.ts";
import { DeletedError } from "./deletions.ts";
import { type OpenDocument, type Stores, storeSnapshot } from "./open-document.ts";

export interface SnapshotterOptions {
  readonly stores: Stores;
  readonly codec: Codec;
  readonly metadata: MetadataWriter;
  readonly logger: Logger;
  /** What the application is told. */
  readonly hooks?: HookCalls | undefined;
}

/** How many snapshots are made at once. */
const AT_ONCE = 8;

/** Stores documents: a few at once, and each once at a time. */
export class Snapshotter {
  readonly stats: SnapshotStats = new SnapshotStats();
  readonly #options: SnapshotterOptions;
  readonly #due: Set<OpenDocument> = new Set();
  readonly #saving: Map<OpenDocument, Promise<void>> = new Map();
  #savers = 0;
  #failure: string | undefined;

  constructor(options: SnapshotterOptions) {
    this.#options = options;
  }

  /** Why snapshots cannot be stored, or `undefined` when the last one could. */
  get problem(): string | undefined {
    return this.#failure;
  }

  /** Stores a document when its turn has come. */
  schedule(open: OpenDocument): void {
    this.#due.add(open);
    if (this.#savers === AT_ONCE) return;
    this.#savers++;
    void this.#saveDue();
  }

  /** Forgets a document that is going away. */
  cancel(open: OpenDocument): void {
    this.#due.delete(open);
  }

  /** Forgets whose turn has not come yet. */
  cancelAll(): void {
    this.#due.clear();
  }

  /** Stores a snapshot if there is something to store. Never rejects. */
  async save(open: OpenDocument): Promise<void> {
    let saving = this.#saving.get(open);
    if (saving === undefined) {
      saving = this.#store(open).finally(() => this.#saving.delete(open));
      this.#saving.set(open, saving);
    }
    await saving;
  }

  /** Resolves when no snapshot of a room is being stored. Never rejects. */
  async settled(room: string): Promise<void> {
    for (const [open, saving] of this.#saving) if (open.document.room === room) await saving;
  }

  /** Stores these, until `signal` aborts. Never rejects. */
  async saveAll(documents: readonly OpenDocument[], signal: AbortSignal): Promise<void> {
    const left = [...documents];
    const saveNext = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        if (signal.aborted) return;
        await this.save(next);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, saveNext));
  }

  async #saveDue(): Promise<void> {
    for (const open of this.#due) {
      this.#due.delete(open);
      await this.save(open);
    }
    this.#savers--;
  }

  async #store(open: OpenDocument): Promise<void> {
    const { stores, codec, logger, metadata } = this.#options;
    const { stats } = this;
    const { room, updatedAt } = open.document;
    const began = performance.now();
    try {
      const bytes = await storeSnapshot(open, stores, codec, { logger, stats });
      this.#failure = undefined;
      if (bytes === null) return;
      stats.seconds.observe((performance.now() - began) / 1_000);
      stats.bytes += bytes;
      metadata.add({ type: "room-saved", room, at: updatedAt || Date.now(), bytes });
      this.#options.hooks?.stored({ room, bytes });
      logger.debug({ room, bytes }, "snapshot stored");
    } catch (error) {
      if (error instanceof DeletedError) return;
      stats.failures++;
      this.#failure = error instanceof Error ? error.message : String(error);
      logger.error({ room, err: error }, "a snapshot could not be stored; trying again");
    }
  }
}
