/**
 * Metadata: what developers want to know about rooms and connections over time. It is never needed
 * to serve a document: it is written off the hot path, and losing it loses no edit.
 *
 * Times are milliseconds since the Unix epoch. Every write may be repeated without effect.
 */
export interface Metadata {
  /**
   * Sessions of administrators. Optional: without it, each server knows only the sessions that were
   * begun on it, and a restart ends them.
   */
  readonly adminSessions?: AdminSessionStore | undefined;

  /** Applies the events in their order, durably. @throws StorageError when not all were applied */
  record(events: readonly MetadataEvent[]): Promise<void>;

  /** One room, or `null` when it was never opened. @throws StorageError */
  room(name: string): Promise<RoomRecord | null>;

  /** Those of the rooms that were ever opened, each once, in any order. @throws StorageError */
  roomsNamed(names: readonly string[]): Promise<readonly RoomRecord[]>;

  /**
   * A page of all rooms. A room that is there all the time is on exactly one page, also when others
   * come and go meanwhile; one whose sort key changes may be on two pages, or on none.
   *
   * @throws InvalidCursorError when `after` is not the `next` of a page with the same `sort`
   * @throws StorageError
   */
  rooms(query: RoomsQuery): Promise<RoomsPage>;

  /**
   * Connections that were open at some time in `[from, to)`, oldest first.
   *
   * @param range.limit the most rows to return
   * @throws StorageError
   */
  connections(range: {
    from: number;
    to: number;
    limit: number;
  }): Promise<readonly ConnectionRecord[]>;

  /**
   * Connections to one room, newest first.
   *
   * @param page.limit the most rows to return
   * @param page.before the last record of the page before this one
   * @throws StorageError
   */
  connectionsOf(
    room: string,
    page: { limit: number; before?: ConnectionPosition | undefined },
  ): Promise<readonly ConnectionRecord[]>;

  /**
   * Ends, at the time `at`, the connections of `server` that began by then and are still recorded as
   * open. For a server that crashed: with a time before it was started again at the same address,
   * this leaves its new connections alone.
   *
   * @returns those that it has ended; each is returned by one call, whoever calls
   * @throws StorageError
   */
  closeConnectionsOf(server: string, at: number): Promise<readonly EndedConnection[]>;

  /**
   * Records what a server has seen so far of a minute. Each figure only grows: what comes again, or
   * late, does not undo what is known.
   *
   * @throws StorageError
   */
  recordActivity(activity: ServerActivity): Promise<void>;

  /**
   * Activity of all servers over time: a point for each bucket that begins in `[from, to)` or
   * contains `from`, also where nothing was recorded. Buckets begin at multiples of `bucket`. Within
   * a minute the peaks of the servers are added up; a point has the maximum of its minutes, and
   * the sum of their connects. So points can be put together in the same way to longer ones.
   *
   * @param range.bucket a multiple of 60,000. Those that are a multiple of an hour are read from
   *   hourly figures: for long ranges, use them
   * @throws RangeError for another bucket, or when there were more than 20,000 points
   * @throws StorageError
   */
  activity(range: { from: number; to: number; bucket: number }): Promise<readonly ActivityPoint[]>;

  /**
   * Adds up what servers recorded in the hours that ended by `before`, which makes `activity` fast.
   * To be called about once an hour, by any server or by all of them at once. What a server records
   * up to two hours late is taken into account by the next call.
   *
   * @throws StorageError when nothing was changed
   */
  rollUpActivity(before: number): Promise<void>;

  /** Forgets activity before a time. @throws StorageError when nothing was forgotten */
  forgetActivity(before: number): Promise<void>;

  /**
   * Forgets connections that ended before a time, some at a time, so that nobody has to wait long.
   *
   * @returns how many these were
   * @throws StorageError; some may be forgotten then
   */
  forgetConnections(before: number): Promise<number>;

  /** The deleted rooms that stay closed beyond a time. @throws StorageError */
  tombstones(at: number): Promise<readonly Tombstone[]>;

  /** Forgets the tombstones of rooms that were closed until a time before. @throws StorageError */
  forgetTombstones(before: number): Promise<void>;

  /** Waits for what was begun and releases everything. Calls made afterwards reject. */
  close(): Promise<void>;
}

/** Sessions of administrators, by a digest that tells nothing of what their browsers hold. */
export interface AdminSessionStore {
  /** Records a session, durably, and may forget those that expired by `now`. @throws StorageError */
  beginSession(key: string, expiresAt: number, now: number): Promise<void>;

  /** When the session expires, or did; `null` when there is none. @throws StorageError */
  session(key: string): Promise<number | null>;

  /** Ends a session, durably. May be repeated. @throws StorageError */
  endSession(key: string): Promise<void>;
}

export type MetadataEvent =
  /** Somebody opened the room: creates its record if there is none. */
  | { readonly type: "room-opened"; readonly room: string; readonly at: number }
  /** A snapshot of the room was stored. `bytes`: its encoded size; `at`: when its last update came. */
  | {
      readonly type: "room-saved";
      readonly room: string;
      readonly at: number;
      readonly bytes: number;
    }
  /** Nobody holds the room any more, and nobody wrote to it: removes its record, if no snapshot was stored. */
  | { readonly type: "room-unused"; readonly room: string }
  /** Removes the record of the room. Its connections stay, as history, until they are forgotten. */
  | { readonly type: "room-deleted"; readonly room: string }
  /** A room that was deleted stays closed until a time, or longer if that is known. */
  | { readonly type: "tombstone-set"; readonly room: string; readonly until: number }
  /** It may be opened again. */
  | { readonly type: "tombstone-removed"; readonly room: string }
  | {
      readonly type: "connected";
      /** Unique over all servers and all time. */
      readonly connection: string;
      readonly room: string;
      /** The address of the server that holds the connection. */
      readonly server: string;
      readonly at: number;
    }
  | { readonly type: "disconnected"; readonly connection: string; readonly at: number };

/** A room that was deleted, and is opened for nobody until a time. */
export interface Tombstone {
  readonly room: string;
  readonly until: number;
}

export interface RoomRecord {
  readonly name: string;
  readonly createdAt: number;
  /** When the last update that a snapshot contains came; `null` before the first snapshot. */
  readonly updatedAt: number | null;
  /** Encoded size of the last snapshot; 0 before the first. */
  readonly bytes: number;
}

export interface RoomsQuery {
  /** Only rooms whose name contains this, in upper or lower case. */
  readonly search?: string | undefined;
  /**
   * `name`: by its UTF-8 bytes. `updated`: a room without a snapshot comes before all others. Rooms
   * with equal keys are sorted by name.
   */
  readonly sort: RoomSort;
  /** The opposite order, also of rooms with equal keys. */
  readonly descending: boolean;
  /** The most rooms to return, at least 1. */
  readonly limit: number;
  /** The `next` of the page before this one. */
  readonly after?: string | undefined;
}

export type RoomSort = "name" | "created" | "updated" | "bytes";

export interface RoomsPage {
  readonly rooms: readonly RoomRecord[];
  /** For `after`; `null` on the last page. */
  readonly next: string | null;
  /** How many rooms match, on all pages. */
  readonly total: number;
}

export interface ConnectionRecord {
  readonly connection: string;
  readonly room: string;
  readonly server: string;
  readonly connectedAt: number;
  /** `null` while the connection is open. */
  readonly disconnectedAt: number | null;
}

export type EndedConnection = Pick<ConnectionRecord, "connection" | "room">;

/** Where a connection is in the order of time. */
export type ConnectionPosition = Pick<ConnectionRecord, "connectedAt" | "connection">;

/** What one server saw in one minute. */
export interface ServerActivity extends ActivityFigures {
  /** The address of the server. */
  readonly server: string;
  /** When the minute began; a multiple of 60,000. */
  readonly minute: number;
}

/** What all servers saw, from `at` until the next point. */
export interface ActivityPoint extends ActivityFigures {
  readonly at: number;
}

export interface ActivityFigures {
  /** The most connections that were open at one time. */
  readonly connections: number;
  /** The most rooms to which somebody was connected at one time. */
  readonly rooms: number;
  /** How many connections were opened. */
  readonly connects: number;
}
