/**
 * Events that have not been delivered to the application yet, stored in the metadata database: one
 * ordered queue for each server.
 */
export interface EventQueue {
  /**
   * Appends events to a server's queue. Events that are already in it are skipped.
   *
   * @param events with ascending sequence numbers, also across calls
   * @throws StorageError; some may have been added, and adding all again is harmless
   */
  append(server: string, events: readonly QueuedEvent[]): Promise<void>;

  /** Returns the oldest events of a server, at most `limit`. @throws StorageError */
  first(server: string, limit: number): Promise<readonly QueuedEvent[]>;

  /** Deletes the events of a server up to and including a sequence number. @throws StorageError */
  remove(server: string, last: number): Promise<void>;

  /**
   * Deletes the oldest events of a server.
   *
   * @param keep how many to keep
   * @returns how many were deleted
   * @throws StorageError
   */
  trim(server: string, keep: number): Promise<number>;
}

export interface QueuedEvent {
  /** Its position among the events of a server; a safe integer. */
  readonly sequence: number;
  /** As JSON. */
  readonly event: string;
}
