import type { DocumentContent } from "../replication/peers.ts";
import { PeerError } from "../replication/peers.ts";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import type { RoomTable } from "../room/room-table.ts";
import type { Health } from "../runtime/health.ts";
import type { LoopDelay } from "../runtime/metrics/loop-delay.ts";
import { within } from "../runtime/time-limit.ts";
import type { LiveRooms } from "./live-rooms.ts";
import type {
  LiveChanges,
  LiveMark,
  RoomConnections,
  ServerCalls,
  ServerState,
} from "./server-calls.ts";

export interface LocalServerParts {
  readonly address: ServerAddress;
  readonly version: string;
  /** In milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly rooms: Pick<RoomTable, "usage" | "holds" | "inspect" | "drop" | "reopen"> & {
    readonly workers: Pick<RoomTable["workers"], "quarantine">;
  };
  readonly liveRooms: LiveRooms;
  readonly health: Health;
  readonly registry: Pick<Registry, "lease">;
  readonly loopDelay: Pick<LoopDelay, "read">;
  /** Checks again whether the connections of a room are allowed. */
  readonly recheck: (room: string) => Promise<void>;
}

/** Shorter than the caller's time limit, so that it receives the reason. */
const DROP_MS = 2_500;

/** This server. */
export class LocalServer implements ServerCalls {
  readonly address: ServerAddress;
  readonly #parts: LocalServerParts;

  constructor(parts: LocalServerParts) {
    this.address = parts.address;
    this.#parts = parts;
  }

  async status(): Promise<ServerState> {
    const { version, startedAt, rooms, liveRooms, health, registry, loopDelay } = this.#parts;
    const { opening, open, closing, bytes } = rooms.usage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      version,
      startedAt,
      documents: opening + open + closing,
      documentBytes: bytes,
      connections: liveRooms.total,
      memory: { resident: rss, heapUsed },
      loopDelay: loopDelay.read(),
      lease: registry.lease,
      draining: !health.accepting,
      failing: health.failing(),
    };
  }

  async liveRooms(since: LiveMark | null): Promise<LiveChanges> {
    return this.#parts.liveRooms.changes(since);
  }

  async held(names: readonly string[]): Promise<readonly RoomConnections[]> {
    const { rooms, liveRooms } = this.#parts;
    return names
      .filter((room) => rooms.holds(room))
      .map((room) => {
        const connections = liveRooms.connectionsOf(room);
        const quarantine = rooms.workers.quarantine.of(room);
        return quarantine === undefined ? { room, connections } : { room, connections, quarantine };
      });
  }

  async inspect(room: string): Promise<DocumentContent | null> {
    return this.#parts.rooms.inspect(room);
  }

  async dropRoom(room: string): Promise<void> {
    if (await within(DROP_MS, this.#parts.rooms.drop(room))) return;
    throw new PeerError(`${this.address} is still writing the room after ${DROP_MS} ms`);
  }

  async reopenRoom(room: string, closedUntil?: number): Promise<void> {
    this.#parts.rooms.reopen(room, closedUntil);
  }

  async recheck(room: string): Promise<void> {
    await this.#parts.recheck(room);
  }
}
