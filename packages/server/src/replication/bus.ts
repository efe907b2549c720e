/**
 * The bus carries messages between the servers that hold the same document. It may lose, duplicate
 * and delay messages; it never alters them. Callers number their messages to detect gaps.
 */
export interface Bus {
  /**
   * Delivers every message published for `room`, including this server's own, until the
   * subscription is closed.
   *
   * @returns resolves when the subscription is active, or after two seconds if it is not: a bus
   *   that is down must not block the opening of documents. The subscription then becomes active
   *   once the bus recovers, and `onInterrupted` is called. Does not reject.
   */
  subscribe(room: string, listener: BusListener): Promise<Subscription>;

  /** Why messages are not getting through, or `undefined` if no problem is known. */
  readonly problem: string | undefined;

  /** Ends all subscriptions and connections. */
  close(): Promise<void>;
}

export interface BusListener {
  /** @param message valid only during the call; copy it to keep it */
  onMessage(message: Uint8Array): void;

  /**
   * The bus has recovered from an interruption during which messages may have been lost.
   * Interruptions in quick succession are reported once.
   */
  onInterrupted(): void;
}

export interface Subscription {
  /**
   * Sends a message to the subscribers of the room. Never throws and never blocks; the message is
   * dropped while the bus is down or overloaded.
   *
   * @param message must not be modified afterwards
   */
  publish(message: Uint8Array): void;

  /** Stops delivery immediately. Does not reject. */
  close(): Promise<void>;
}
