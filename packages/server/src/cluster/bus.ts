/**
 * The bus carries updates and presence between the servers that hold the same document. It may lose
 * and repeat messages; it never alters them.
 */
export interface Bus {
  /**
   * Delivers every message that another server publishes for `room` from the moment the promise
   * resolves until the subscription is closed.
   *
   * @throws Error when the channel could not be subscribed to
   */
  subscribe(room: string, onMessage: (message: Uint8Array) => void): Promise<Subscription>;

  close(): Promise<void>;
}

export interface Subscription {
  /** Sends a message to the other subscribers of the room. Never throws; a message may be lost. */
  publish(message: Uint8Array): void;
  close(): Promise<void>;
}
