/**
 * Events that the application is still to be told, in the database of the metadata: for each server those
 * that it has seen, in their order.
 */
export interface EventQueue {
  /**
   * Adds events of a server. Those that are there already are not added again.
   *
   * @param events their sequence numbers grow, also from one call to the next
   * @throws StorageError; some may be added then, and adding all again does no harm
   */
  append(server: string, events: readonly QueuedEvent[]): Promise<void>;

  /** The oldest events of a server. @param limit the most to return @throws StorageError */
  first(server: string, limit: number): Promise<readonly QueuedEvent[]>;

  /** Forgets the events of a server up to a sequence number. @throws StorageError */
  remove(server: string, last: number): Promise<void>;

  /**
   * Forgets the oldest events of a server.
   *
   * @param keep how many are kept
   * @returns how many were forgotten
   * @throws StorageError
   */
  trim(server: string, keep: number): Promise<number>;
}

export interface QueuedEvent {
  /** Its place among the events of a server; a safe integer. */
  readonly sequence: number;
  /** As JSON. */
  readonly event: string;
}
