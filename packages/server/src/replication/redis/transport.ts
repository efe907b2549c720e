/** Carries channels: one Redis server, or a Redis Cluster. */
export interface Transport {
  /** Why messages may not get through now, or `undefined`. */
  readonly problem: string | undefined;

  /** How the first attempt to connect ended: `undefined` when it works. Does not reject. */
  readonly firstOutcome: Promise<Error | undefined>;

  /** Keeps the channel subscribed until it is removed, over all interruptions. */
  add(channel: Channel): void;
  remove(channel: Channel): void;

  /** Whether the server has confirmed the subscription, and nothing has happened to it since. */
  isInForce(channel: Channel): boolean;

  /** Drops the message when it cannot be sent now. Its bytes must not change any more. */
  publish(channel: Channel, message: Uint8Array): void;

  /** Sends what was published if that is quickly done. Does not reject. */
  close(): Promise<void>;
}

/** What somebody wants to hear. A transport has one channel of a name at a time. */
export interface Channel {
  readonly name: string;

  /** @param message only valid during the call, unless it is copied */
  onMessage(message: Uint8Array): void;

  /** The subscription has come into force: for the first time, or again after an interruption. */
  onInForce(): void;
}

/** The server does not let this client do what it must. Trying again does not help. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}
