/** Carries the channels: one Redis server, or a Redis Cluster. */
export interface Transport {
  /** Why messages may currently not get through, or `undefined`. */
  readonly problem: string | undefined;

  /** How the first attempt to connect ended: `undefined` if it succeeded. Does not reject. */
  readonly firstOutcome: Promise<Error | undefined>;

  /** Keeps the channel subscribed until it is removed, across interruptions. */
  add(channel: Channel): void;
  remove(channel: Channel): void;

  /** Whether the server has confirmed the subscription, and it has not been interrupted since. */
  isInForce(channel: Channel): boolean;

  /** Drops the message if it cannot be sent now. Its bytes must not be modified afterwards. */
  publish(channel: Channel, message: Uint8Array): void;

  /** Closes, first flushing published messages if that is quick. Does not reject. */
  close(): Promise<void>;
}

/** A subscription to a channel. A transport has at most one channel of a name at a time. */
export interface Channel {
  readonly name: string;

  /** @param message valid only during the call; copy it to keep it */
  onMessage(message: Uint8Array): void;

  /** The subscription has become active: for the first time, or again after an interruption. */
  onInForce(): void;
}

/** The server denies this client what it needs. Retrying does not help. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}
