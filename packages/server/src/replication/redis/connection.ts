import { onAbort, pause } from "./abort.ts";
import { type Client, connectClient, failure } from "./client.ts";
import type { Endpoint } from "./endpoint.ts";

/** The commands of one kind of pub/sub. */
export interface PubSub {
  readonly publish: "PUBLISH" | "SPUBLISH";
  subscribe(client: Client, channel: string, listener: MessageListener): Promise<void>;
  unsubscribe(client: Client, channel: string): Promise<void>;
}

/** Plain pub/sub: in a Redis Cluster, each message goes to every server. */
export const PLAIN: PubSub = {
  publish: "PUBLISH",
  subscribe: (client, channel, listener) => client.subscribe(channel, listener, true),
  unsubscribe: (client, channel) => client.unsubscribe(channel),
};

/** Sharded pub/sub: a channel belongs to the server of a Redis Cluster that owns its slot. */
export const SHARDED: PubSub = {
  publish: "SPUBLISH",
  subscribe: (client, channel, listener) => client.sSubscribe(channel, listener, true),
  unsubscribe: (client, channel) => client.sUnsubscribe(channel),
};

export type MessageListener = (message: Buffer) => void;

export interface ConnectionOptions {
  readonly endpoint: Endpoint;
  readonly pubSub: PubSub;
  /** A channel that no other client uses. */
  readonly heartbeat: string;
  /** The server responded with an error, or ended a subscription by itself. */
  readonly onRefused: (channel?: string) => void;
}

/**
 * A heartbeat must come back before the next but one is due, so a dead connection is detected
 * within three intervals.
 */
const BEAT_MS = 1_500;
/** Limit on unacknowledged messages, including the library's overhead for each message. */
const MAX_UNANSWERED_BYTES = 32 * 1024 * 1024;
const BYTES_PER_MESSAGE = 512;
const FLUSH_MS = 500;
const NOTHING = Buffer.alloc(0);

/**
 * One connection to one server, from its beginning to its end. It both publishes and subscribes,
 * which RESP3 allows: replies and pushed messages are distinguishable.
 */
export class RedisConnection {
  readonly #client: Client;
  readonly #options: ConnectionOptions;
  readonly #life: AbortController;
  readonly #beating: NodeJS.Timeout;
  #beatsAway = 0;
  #unanswered = 0;

  private constructor(client: Client, options: ConnectionOptions, life: AbortController) {
    this.#client = client;
    this.#options = options;
    this.#life = life;
    this.#beating = setInterval(() => this.#beat(), BEAT_MS);
    onAbort(life.signal, () => clearInterval(this.#beating));
    client.on("sharded-channel-moved", (channel: string) => options.onRefused(channel));
  }

  /**
   * Connects, and verifies that the server accepts subscriptions and messages.
   *
   * @param life see `connectClient`
   * @throws Error the abort reason of `life`
   */
  static async open(options: ConnectionOptions, life: AbortController): Promise<RedisConnection> {
    const { endpoint, pubSub, heartbeat } = options;
    let connection: RedisConnection | undefined;
    const onBeat = (): void => {
      if (connection !== undefined) connection.#beatsAway = 0;
    };
    const client = await connectClient(endpoint, life, async (connected) => {
      await pubSub.subscribe(connected, heartbeat, onBeat);
      await connected.sendCommand([pubSub.publish, heartbeat, NOTHING]);
    });
    connection = new RedisConnection(client, options, life);
    return connection;
  }

  /** Aborted when the connection ends, with an error that says why. */
  get signal(): AbortSignal {
    return this.#life.signal;
  }

  /**
   * Resolves when the subscription is active. Until then, further calls for the same channel must
   * wait: the library would confuse them.
   *
   * @throws Error the server's error, or that the connection has ended
   */
  subscribe(channel: string, listener: MessageListener): Promise<void> {
    return this.#options.pubSub.subscribe(this.#client, channel, listener);
  }

  /** Same rules as for `subscribe`. */
  unsubscribe(channel: string): Promise<void> {
    return this.#options.pubSub.unsubscribe(this.#client, channel);
  }

  /** @returns false if the message was dropped because too much is unacknowledged */
  publish(channel: string, message: Uint8Array): boolean {
    const size = message.length + BYTES_PER_MESSAGE;
    if (this.#unanswered + size > MAX_UNANSWERED_BYTES) return false;
    this.#unanswered += size;
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
    this.#client.sendCommand([this.#options.pubSub.publish, channel, bytes]).then(
      () => {
        this.#unanswered -= size;
      },
      () => {
        this.#unanswered -= size;
        // If the connection has ended, its owner learns of it from the signal.
        if (!this.signal.aborted) this.#options.onRefused();
      },
    );
    return true;
  }

  /** Returns which servers of the Redis Cluster own which slots, as this one sees it. */
  slots(): ReturnType<Client["clusterSlots"]> {
    return this.#client.clusterSlots();
  }

  /**
   * Ends the connection once published messages are acknowledged, or after 500 ms. Does not reject.
   */
  async end(reason: Error): Promise<void> {
    // Replies come in the order of the commands.
    const answered = this.#client.ping().then(
      () => {},
      () => {},
    );
    await Promise.race([answered, pause(FLUSH_MS, this.signal)]);
    this.#life.abort(reason);
  }

  #beat(): void {
    // Heartbeats are counted, not timed: after a pause of this process, replies may be waiting
    // unread.
    if (this.#beatsAway >= 2) {
      this.#fail(new Error(`no sign of life for ${2 * BEAT_MS} ms`));
      return;
    }
    this.#beatsAway++;
    const { pubSub, heartbeat } = this.#options;
    this.#client
      .sendCommand([pubSub.publish, heartbeat, NOTHING])
      .catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#life.abort(failure(error, this.#options.endpoint));
  }
}
