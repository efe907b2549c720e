import type { Logger } from "pino";
import { evictExpired } from "../replication/evict-expired.ts";
import type { Registry } from "../replication/registry.ts";
import type { Replicator } from "../replication/replicator.ts";
import type { Snapshotter } from "./persistence/snapshotter.ts";
import type { Room } from "./room.ts";
import type { RoomLife } from "./room-life.ts";

const AWARENESS_SWEEP_MS = 5_000;
const TICK_MS = 1_000;
/** How often the leases of other holders are checked. */
const LEASE_CHECK_MS = 3_000;
/** Holders other than the snapshot leader store only to trim the journal, this many times less often. */
const FOLLOWER_INTERVALS = 10;

export type OpenRoom = readonly [RoomLife, Room, Replicator];

export interface RoomSweepsOptions {
  /** Returns the rooms that are open at the time of the call. */
  readonly open: () => Iterable<OpenRoom>;
  readonly registry: Registry;
  readonly snapshotter: Snapshotter;
  /** How often a changed room is snapshotted, in milliseconds. */
  readonly snapshotInterval: number;
  readonly logger: Logger;
}

/** Periodic work on all open rooms: snapshots, awareness expiry, replication, evictions. */
export class RoomSweeps {
  readonly #options: RoomSweepsOptions;
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(options: RoomSweepsOptions) {
    this.#options = options;
    const { registry, logger, snapshotInterval, open } = options;
    const replicators = () => Array.from(open(), ([, , replicator]) => replicator);
    const sweep = Math.max(10, Math.min(1_000, snapshotInterval / 4));
    this.#timers = [
      setInterval(() => this.#scheduleSnapshots(Date.now()), sweep),
      setInterval(() => this.#expireAwareness(Date.now()), AWARENESS_SWEEP_MS),
      setInterval(() => this.#tick(Date.now()), TICK_MS),
      setInterval(() => void evictExpired(replicators, registry, logger), LEASE_CHECK_MS),
    ];
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #scheduleSnapshots(now: number): void {
    const { open, snapshotInterval, snapshotter } = this.#options;
    for (const [life, room, replicator] of open()) {
      if (life.snapshotDue > now) continue;
      const intervals = replicator.isSnapshotLeader ? 1 : FOLLOWER_INTERVALS;
      life.snapshotDue = now + intervals * snapshotInterval;
      if (room.persistence.isChanged) snapshotter.schedule(room);
    }
  }

  #expireAwareness(now: number): void {
    for (const [, room] of this.#options.open()) {
      if (room.awareness.expire(now)) room.scheduleAwareness();
    }
  }

  #tick(now: number): void {
    for (const [, , replicator] of this.#options.open()) replicator.tick(now);
  }
}
