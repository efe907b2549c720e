import type { DocumentContent } from "../replication/peers.ts";
import type { LeaseState, ServerAddress } from "../replication/registry.ts";
import type { QuarantinedRoom } from "../room/quarantine.ts";

/**
 * What one server is asked about itself, and told to do, on behalf of those who look after the whole
 * cluster: the same calls for this server and, over HTTP, for another one. None of them makes anybody
 * a holder of a document.
 *
 * All of them throw PeerError when the server did not do what it was asked within a few seconds.
 */
export interface ServerCalls {
  readonly address: ServerAddress;

  status(): Promise<ServerState>;

  /** What changed in the connections of its rooms since `since`; everything when it is `null`. */
  liveRooms(since: LiveMark | null): Promise<LiveChanges>;

  /** Of these rooms, those that it holds. @param rooms at most 1,000 */
  held(rooms: readonly string[]): Promise<readonly RoomConnections[]>;

  /** The state of a document that it has open, else `null`. */
  inspect(room: string): Promise<DocumentContent | null>;

  /**
   * A room is being deleted: closes its connections with 4404, lets the document go without storing
   * it, and opens the room for nobody until `reopenRoom`, or for ten seconds. When it resolves, that
   * server is writing nothing of the room any more. May be repeated.
   */
  dropRoom(room: string): Promise<void>;

  /**
   * The deletion is done: whoever opens the room from now on, or from a time on, opens an empty one.
   *
   * @param closedUntil in milliseconds since the epoch
   */
  reopenRoom(room: string, closedUntil?: number): Promise<void>;

  /** Asks again, for each connection of a room, whether it is still allowed; ends those that are not. */
  recheck(room: string): Promise<void>;
}

export interface ServerState {
  readonly version: string;
  /** In milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** In memory, and the bytes of their logs. */
  readonly documents: number;
  readonly documentBytes: number;
  readonly connections: number;
  /** In bytes. */
  readonly memory: { readonly resident: number; readonly heapUsed: number };
  /** Of the event loop over the last seconds, in milliseconds. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly lease: LeaseState;
  readonly draining: boolean;
  /** The parts that do not work, each with the reason. */
  readonly failing: Readonly<Record<string, string>>;
}

/** Up to where somebody knows the connections of a server's rooms. */
export interface LiveMark {
  /** Differs each time that the server starts. */
  readonly epoch: string;
  readonly version: number;
}

export interface LiveChanges {
  readonly mark: LiveMark;
  /** These are all rooms with connections: the mark was `null`, of another epoch, or too old. */
  readonly complete: boolean;
  /** 0 connections: the last one has ended. */
  readonly rooms: readonly RoomConnections[];
}

export interface RoomConnections {
  readonly room: string;
  readonly connections: number;
  /** When that server finds the room's document too expensive. Times: milliseconds since the epoch. */
  readonly quarantine?: QuarantinedRoom | undefined;
}
