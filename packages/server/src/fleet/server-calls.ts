import type { DocumentContent } from "../replication/peers.ts";
import type { LeaseState, ServerAddress } from "../replication/registry.ts";
import type { QuarantinedRoom } from "../room/workers/quarantine.ts";

/**
 * Calls to one server for cluster-wide queries and commands; the same for this server and, over
 * HTTP, for another one. None of them makes the caller a holder of a document.
 *
 * All of them throw PeerError if the server does not complete the call within a few seconds.
 */
export interface ServerCalls {
  readonly address: ServerAddress;

  status(): Promise<ServerState>;

  /** Returns the connection counts of rooms that changed since the mark, or all if it is `null`. */
  liveRooms(since: LiveMark | null): Promise<LiveChanges>;

  /** Returns those of these rooms that it holds. @param rooms at most 1,000 */
  held(rooms: readonly string[]): Promise<readonly RoomConnections[]>;

  /** Returns the content of a document that it has open, or `null`. */
  inspect(room: string): Promise<DocumentContent | null>;

  /**
   * Prepares the deletion of a room: closes its connections with 4404, discards the document
   * without saving it, and refuses to open the room until `reopenRoom`, or for ten seconds. Once it
   * resolves, that server no longer writes anything of the room. Can be repeated safely.
   */
  dropRoom(room: string): Promise<void>;

  /**
   * Ends the deletion of a room: it can be opened again, empty, now or from the given time.
   *
   * @param closedUntil in milliseconds since the epoch
   */
  reopenRoom(room: string, closedUntil?: number): Promise<void>;

  /** Checks each connection of a room again, and closes those that are no longer allowed. */
  recheck(room: string): Promise<void>;
}

export interface ServerState {
  readonly version: string;
  /** In milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** The documents in memory, and the bytes of their logs. */
  readonly documents: number;
  readonly documentBytes: number;
  readonly connections: number;
  /** In bytes. */
  readonly memory: { readonly resident: number; readonly heapUsed: number };
  /** Of the event loop over the last seconds, in milliseconds. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly lease: LeaseState;
  readonly draining: boolean;
  /** The failing parts, each with the reason. */
  readonly failing: Readonly<Record<string, string>>;
}

/** The position up to which a caller knows the changes in a server's connections. */
export interface LiveMark {
  /** Changes each time the server starts. */
  readonly epoch: string;
  readonly version: number;
}

export interface LiveChanges {
  readonly mark: LiveMark;
  /**
   * Whether `rooms` has all rooms with connections: the mark was `null`, too old, or of another
   * epoch.
   */
  readonly complete: boolean;
  /** A room with 0 connections has lost its last one. */
  readonly rooms: readonly RoomConnections[];
}

export interface RoomConnections {
  readonly room: string;
  readonly connections: number;
  /**
   * Set if that server has quarantined the room because its document is too expensive. Times are in
   * milliseconds since the epoch.
   */
  readonly quarantine?: QuarantinedRoom | undefined;
}
