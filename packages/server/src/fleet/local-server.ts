import type { DocumentContent } from "../replication/peers.ts";
import { PeerError } from "../replication/peers.ts";
import type { Registry, ServerAddress } from "../replication/registry.ts";
import type { Documents } from "../room/documents.ts";
import type { Health } from "../runtime/health.ts";
import type { LoopDelay } from "../runtime/metrics/loop-delay.ts";
import { within } from "../runtime/within.ts";
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
  readonly documents: Pick<Documents, "usage" | "holds" | "inspect" | "drop" | "reopen"> & {
    readonly workers: Pick<Documents["workers"], "quarantine">;
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
    const { version, startedAt, documents, liveRooms, health, registry, loopDelay } = this.#parts;
    const { opening, open, leaving, bytes } = documents.usage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      version,
      startedAt,
      documents: opening + open + leaving,
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

  async held(rooms: readonly string[]): Promise<readonly RoomConnections[]> {
    const { documents, liveRooms } = this.#parts;
    return rooms
      .filter((room) => documents.holds(room))
      .map((room) => {
        const connections = liveRooms.connectionsOf(room);
        const quarantine = documents.workers.quarantine.of(room);
        return quarantine === undefined ? { room, connections } : { room, connections, quarantine };
      });
  }

  async inspect(room: string): Promise<DocumentContent | null> {
    return this.#parts.documents.inspect(room);
  }

  async dropRoom(room: string): Promise<void> {
    if (await within(DROP_MS, this.#parts.documents.drop(room))) return;
    throw new PeerError(`${this.address} is still writing the room after ${DROP_MS} ms`);
  }

  async reopenRoom(room: string, closedUntil?: number): Promise<void> {
    this.#parts.documents.reopen(room, closedUntil);
  }

  async recheck(room: string): Promise<void> {
    await this.#parts.recheck(room);
  }
}
