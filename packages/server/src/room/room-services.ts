import type { ServerObserver } from "../hooks/server-observer.ts";
import type { ServerAddress } from "../replication/registry.ts";
import type { FanoutScheduler } from "./fanout/fanout-scheduler.ts";
import type { PublishScheduler } from "./fanout/publish-scheduler.ts";
import type { Compaction } from "./log/base.ts";
import type { JournaledRoom } from "./persistence/commit-plan.ts";
import type { HolderState } from "./persistence/persistence.ts";
import type { RoomStats } from "./room-stats.ts";
import type { UpdateWorkers } from "./workers/update-workers.ts";

/** A room's link to the other servers that hold it. */
export interface RoomReplicator extends HolderState {
  /** Publishes, with the next flush, a client's update that this server has made durable. */
  add(update: Uint8Array): void;
  /** Publishes what was added, and the awareness changes of this server's clients. */
  flush(): void;
  /** Asks another server whether a client that it vouches for is still alive. */
  probe(holder: ServerAddress, client: number): void;
}

/** What a room needs of its server. */
export interface RoomServices {
  readonly workers: UpdateWorkers;
  readonly compaction: Compaction;
  readonly scheduler: FanoutScheduler;
  readonly publishing: Pick<PublishScheduler, "schedule" | "scheduleAwareness">;
  readonly stats: RoomStats;
  /** Writes what the room has appended, and calls `Room.committed`. */
  readonly journal: { readonly slow: boolean; enqueue(room: JournaledRoom, bytes: number): void };
  /** The largest document that clients may create, in bytes; without it there is no limit. */
  readonly maxDocumentBytes?: number | undefined;
  readonly observer: Pick<ServerObserver, "updateCommitted">;
}
