/**
 * Metadata: information for developers about rooms and connections over time. It is never needed to
 * serve a document: it is written off the hot path, and losing it loses no edits.
 *
 * Times are milliseconds since the Unix epoch. Every write is idempotent.
 */
export interface Metadata {
  /**
   * Sessions of administrators. Optional: without it, each server knows only the sessions that were
   * started on it, and a restart ends them.
   */
  readonly adminSessions?: AdminSessionStore | undefined;

  /** Applies the events durably and in order. @throws StorageError if not all were applied */
  record(events: readonly MetadataEvent[]): Promise<void>;

  /** Returns a room, or `null` if it was never opened. @throws StorageError */
  room(name: string): Promise<RoomRecord | null>;

  /**
   * Returns those of the rooms that were ever opened, each once, in any order.
   *
   * @throws StorageError
   */
  roomsNamed(names: readonly string[]): Promise<readonly RoomRecord[]>;

  /**
   * Returns a page of all rooms. A room that exists throughout appears on exactly one page, even if
   * others are added or removed between pages; one whose sort key changes may appear on two pages,
   * or on none.
   *
   * @throws InvalidCursorError if `after` is not the `next` of a page with the same `sort`
   * @throws StorageError
   */
  rooms(query: RoomsQuery): Promise<RoomsPage>;

  /**
   * Returns connections that were open at some time in `[from, to)`, oldest first.
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
   * Returns connections to one room, newest first.
   *
   * @param page.limit the most rows to return
   * @param page.before the last record of the previous page
   * @throws StorageError
   */
  connectionsOf(
    room: string,
    page: { limit: number; before?: ConnectionPosition | undefined },
  ): Promise<readonly ConnectionRecord[]>;

  /**
   * Records `at` as the end of those connections of `server` that began by then and are still
   * recorded as open. Used after a crash: with a time before the server was restarted at the same
   * address, this leaves its new connections alone.
   *
   * @returns the connections ended by this call; even with concurrent callers, each is returned
   *   once
   * @throws StorageError
   */
  closeConnectionsOf(server: string, at: number): Promise<readonly EndedConnection[]>;

  /**
   * Records a server's activity so far in one minute. Each figure only grows, so repeated or late
   * calls do not overwrite higher figures.
   *
   * @throws StorageError
   */
  recordActivity(activity: ServerActivity): Promise<void>;

  /**
   * Returns the activity of all servers over time: a point for each bucket that begins in `[from,
   * to)` or contains `from`, even if nothing was recorded. Buckets begin at multiples of `bucket`.
   * Within a minute the peaks of the servers are added up; a point has the maximum of its minutes,
   * and the sum of their connects. Points can therefore be combined into longer ones in the same
   * way.
   *
   * @param range.bucket a multiple of 60,000. Multiples of an hour are read from hourly totals; use
   *   them for long ranges
   * @throws RangeError for any other bucket, or if there would be more than 20,000 points
   * @throws StorageError
   */
  activity(range: { from: number; to: number; bucket: number }): Promise<readonly ActivityPoint[]>;

  /**
   * Aggregates what servers recorded in the hours that ended by `before`, which makes `activity`
   * fast. Call it about once an hour, from any server or from all of them at once. Activity that a
   * server records up to two hours late is included by the next call.
   *
   * @throws StorageError; nothing was changed
   */
  rollUpActivity(before: number): Promise<void>;

  /** Deletes activity before a time. @throws StorageError; nothing was deleted */
  forgetActivity(before: number): Promise<void>;

  /**
   * Deletes connections that ended before a time, in batches, so that other calls do not wait long.
   *
   * @returns how many were deleted
   * @throws StorageError; some may have been deleted
   */
  forgetConnections(before: number): Promise<number>;

  /** Returns the deleted rooms that stay closed beyond a time. @throws StorageError */
  tombstones(at: number): Promise<readonly Tombstone[]>;

  /** Deletes the tombstones that ended by a time. @throws StorageError */
  forgetTombstones(before: number): Promise<void>;

  /** Waits for pending calls and releases all resources. Later calls reject. */
  close(): Promise<void>;
}

/**
 * Sessions of administrators, identified by a digest from which the browser's token cannot be
 * derived.
 */
export interface AdminSessionStore {
  /** Records a session durably, and may delete those that expired by `now`. @throws StorageError */
  beginSession(key: string, expiresAt: number, now: number): Promise<void>;

  /**
   * Returns when the session expires or expired, or `null` if there is none.
   *
   * @throws StorageError
   */
  session(key: string): Promise<number | null>;

  /** Ends a session durably. Idempotent. @throws StorageError */
  endSession(key: string): Promise<void>;
}

export type MetadataEvent =
  /** The room was opened: creates its record if there is none. */
  | { readonly type: "room-opened"; readonly room: string; readonly at: number }
  /**
   * A snapshot of the room was stored. `bytes`: its encoded size; `at`: when its last update
   * arrived.
   */
  | {
      readonly type: "room-saved";
      readonly room: string;
      readonly at: number;
      readonly bytes: number;
    }
  /**
   * The room was unloaded without ever being written to: deletes its record if it has no snapshot.
   */
  | { readonly type: "room-unused"; readonly room: string }
  /** Deletes the record of the room. Its connections stay as history until they are deleted. */
  | { readonly type: "room-deleted"; readonly room: string }
  /** A deleted room stays closed until this time, or longer if a later time is already recorded. */
  | { readonly type: "tombstone-set"; readonly room: string; readonly until: number }
  /** The room may be opened again. */
  | { readonly type: "tombstone-removed"; readonly room: string }
  | {
      readonly type: "connected";
      /** Unique across all servers and all time. */
      readonly connection: string;
      readonly room: string;
      /** The address of the server that holds the connection. */
      readonly server: string;
      readonly at: number;
    }
  | { readonly type: "disconnected"; readonly connection: string; readonly at: number };

/** A deleted room that cannot be opened until a time. */
export interface Tombstone {
  readonly room: string;
  readonly until: number;
}

export interface RoomRecord {
  readonly name: string;
  readonly createdAt: number;
  /** When the last update in a snapshot arrived; `null` before the first snapshot. */
  readonly updatedAt: number | null;
  /** Encoded size of the last snapshot; 0 before the first. */
  readonly bytes: number;
}

export interface RoomsQuery {
  /** Only rooms whose name contains this, ignoring case. */
  readonly search?: string | undefined;
  /**
   * `name`: by its UTF-8 bytes. `updated`: a room without a snapshot comes before all others. Rooms
   * with equal keys are sorted by name.
   */
  readonly sort: RoomSort;
  /** Reverses the order, including that of rooms with equal keys. */
  readonly descending: boolean;
  /** The most rooms to return, at least 1. */
  readonly limit: number;
  /** The `next` of the previous page. */
  readonly after?: string | undefined;
}

export type RoomSort = "name" | "created" | "updated" | "bytes";

export interface RoomsPage {
  readonly rooms: readonly RoomRecord[];
  /** Pass as `after` for the next page; `null` on the last page. */
  readonly next: string | null;
  /** How many rooms match in total. */
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

/** The position of a connection in chronological order. */
export type ConnectionPosition = Pick<ConnectionRecord, "connectedAt" | "connection">;

/** The activity of one server in one minute. */
export interface ServerActivity extends ActivityFigures {
  /** The address of the server. */
  readonly server: string;
  /** When the minute began; a multiple of 60,000. */
  readonly minute: number;
}

/** The activity of all servers from `at` until the next point. */
export interface ActivityPoint extends ActivityFigures {
  readonly at: number;
}

export interface ActivityFigures {
  /** Peak number of open connections. */
  readonly connections: number;
  /** Peak number of rooms with connected clients. */
  readonly rooms: number;
  /** Number of connections opened. */
  readonly connects: number;
}
