/**
 * Metadata: what developers want to know about rooms and connections over time. It is never needed
 * to serve a document: it is written off the hot path, and losing it loses no edit.
 *
 * Times are milliseconds since the Unix epoch. Every write may be repeated without effect.
 */
export interface Metadata {
  /** Applies the events in their order, durably. @throws StorageError when not all were applied */
  record(events: readonly MetadataEvent[]): Promise<void>;

  /** One room, or `null` when it was never opened. @throws StorageError */
  room(name: string): Promise<RoomRecord | null>;

  /**
   * Connections that were open at some time in `[from, to)`, oldest first.
   *
   * @param limit the most rows to return
   * @throws StorageError
   */
  connections(range: {
    from: number;
    to: number;
    limit: number;
  }): Promise<readonly ConnectionRecord[]>;

  /**
   * Ends, at the time `at`, every connection of `server` that is still recorded as open. For a
   * server that starts again after it crashed.
   *
   * @throws StorageError
   */
  closeConnectionsOf(server: string, at: number): Promise<void>;

  /**
   * Forgets connections that ended before a time, some at a time, so that nobody has to wait long.
   *
   * @returns how many these were
   * @throws StorageError; some may be forgotten then
   */
  forgetConnections(before: number): Promise<number>;

  /** Waits for what was begun and releases everything. Calls made afterwards reject. */
  close(): Promise<void>;
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
  | { readonly type: "room-deleted"; readonly room: string }
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

export interface RoomRecord {
  readonly name: string;
  readonly createdAt: number;
  /** When the last update that a snapshot contains came; `null` before the first snapshot. */
  readonly updatedAt: number | null;
  /** Encoded size of the last snapshot; 0 before the first. */
  readonly bytes: number;
}

export interface ConnectionRecord {
  readonly connection: string;
  readonly room: string;
  readonly server: string;
  readonly connectedAt: number;
  /** `null` while the connection is open. */
  readonly disconnectedAt: number | null;
}
