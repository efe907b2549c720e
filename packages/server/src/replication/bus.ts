/**
 * The bus carries messages between the servers that hold the same document. It may lose, repeat and
 * delay messages; it never alters them. Who uses it numbers what it sends, and finds the gaps.
 */
export interface Bus {
  /**
   * Delivers what is published for `room`, also by this server itself, until the subscription is
   * closed.
   *
   * @returns resolves when the subscription is in force, or after two seconds without that: a bus
   *   that is down must not keep documents from being opened. The subscription then comes into
   *   force when the bus is back, and `onInterrupted` says so. It does not reject.
   */
  subscribe(room: string, listener: BusListener): Promise<Subscription>;

  /** Why messages do not get through, or `undefined` when nothing is known to be wrong. */
  readonly problem: string | undefined;

  /** Ends all subscriptions and connections. */
  close(): Promise<void>;
}

export interface BusListener {
  /** @param message only valid during the call, unless it is copied */
  onMessage(message: Uint8Array): void;

  /**
   * The bus works again after an interruption, in which messages may have been lost. Interruptions
   * that follow each other quickly are told once.
   */
  onInterrupted(): void;
}

export interface Subscription {
  /**
   * Sends a message to the subscribers of the room. Never throws and never waits; while the bus is
   * down, or has too much to send, the message is dropped.
   *
   * @param message its bytes must not change any more
   */
  publish(message: Uint8Array): void;

  /** From the call on, nothing is delivered any more. It does not reject. */
  close(): Promise<void>;
}
