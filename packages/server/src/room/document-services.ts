import type { ChangeAuthor } from "../hooks/hooks.ts";
import type { ServerAddress } from "../replication/registry.ts";
import type { Compaction } from "./base.ts";
import type { Document } from "./document.ts";
import type { FanoutScheduler } from "./fanout-scheduler.ts";
import type { DocumentStats } from "./room-stats.ts";
import type { UpdateWorkers } from "./update-workers.ts";

/** Where a document's changes go besides its readers: to the other servers that hold it. */
export interface Publisher {
  /** False while no other server holds the document; nothing is published then. */
  readonly active: boolean;
  /** Takes an update of an own client that has become durable. */
  add(update: Uint8Array): void;
  /** Publishes what was added, and what changed in the presence of own clients. */
  flush(): void;
  /** Asks another server whether a client that it vouches for is still there. */
  probe(holder: ServerAddress, client: number): void;
}

/** What a document needs of its surroundings. */
export interface DocumentServices {
  readonly workers: UpdateWorkers;
  readonly compaction: Compaction;
  readonly scheduler: FanoutScheduler;
  readonly stats: DocumentStats;
  /** The journal takes what the document has appended, and calls `markDurable`. */
  readonly journal: { readonly slow: boolean; enqueue(document: Document, bytes: number): void };
  /** Is told of what own clients wrote when it has become durable. */
  readonly onChange?: ChangeListener | undefined;
}

/** @param update only valid during the call, unless it is copied */
export type ChangeListener = (
  room: string,
  update: Uint8Array,
  author: ChangeAuthor | null,
) => void;
