import type { Logger } from "pino";
import { type BackoffBounds, backoff } from "../../runtime/backoff.ts";
import { aborted, pause } from "./abort.ts";
import { ChannelSubscriber } from "./channel-subscriber.ts";
import type { Client } from "./client.ts";
import { type PubSub, RedisConnection } from "./connection.ts";
import { addressOf, type Endpoint } from "./endpoint.ts";
import type { Channel, Transport } from "./transport.ts";

export interface LinkOptions {
  readonly endpoint: Endpoint;
  readonly pubSub: PubSub;
  /** Returns the name of a channel on this server that no other client uses. */
  readonly heartbeat: () => string;
  /** The server may have failed, or may no longer own its channels. */
  readonly onDoubt: () => void;
  readonly logger: Logger;
}

const RETRY: BackoffBounds = { first: 100, longest: 1_000 };
/** A connection that ends sooner counts as a failed attempt. */
const STABLE_MS = 5_000;
const WARN_MS = 10_000;

/**
 * The link to one Redis server, for as long as that server is used. It is either connected or
 * trying to connect. A failed connection is replaced by a new one, which subscribes to everything
 * again.
 */
export class Link implements Transport {
  readonly firstOutcome: Promise<Error | undefined>;
  readonly #options: LinkOptions;
  readonly #logger: Logger;
  readonly #channels: Map<string, Channel> = new Map();
  readonly #closing: AbortController = new AbortController();
  readonly #running: Promise<void>;
  #life: AbortController = new AbortController();
  #connection: RedisConnection | undefined;
  #subscriber: ChannelSubscriber | undefined;
  #problem: string | undefined;
  #hasReported = false;
  #dropped = 0;
  #warnAt = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    const server = addressOf(options.endpoint);
    this.#logger = options.logger.child({ server });
    this.#problem = `Redis at ${server} has not been reached yet`;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.firstOutcome = promise;
    // Deferred: `heartbeat` may need this link, which its creator has only after this returns.
    this.#running = Promise.resolve().then(() => this.#run(resolve));
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  add(channel: Channel): void {
    this.#channels.set(channel.name, channel);
    this.#subscriber?.check(channel.name);
  }

  remove(channel: Channel): void {
    if (this.#channels.get(channel.name) !== channel) return;
    this.#channels.delete(channel.name);
    this.#subscriber?.check(channel.name);
  }

  isInForce(channel: Channel): boolean {
    return this.#subscriber?.isInForce(channel) ?? false;
  }

  publish(channel: Channel, message: Uint8Array): void {
    if (this.#connection?.publish(channel.name, message)) return;
    this.#dropped++;
    if (this.#connection === undefined || Date.now() < this.#warnAt) return;
    this.#warnAt = Date.now() + WARN_MS;
    this.#logger.warn(
      { dropped: this.#dropped },
      "publishing faster than Redis accepts, dropping messages",
    );
  }

  /** @throws Error if the server does not respond, or there is no connection */
  async slots(): ReturnType<Client["clusterSlots"]> {
    if (this.#connection === undefined) throw new Error(this.#problem);
    return await this.#connection.slots();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const reason = new Error("closed");
    await this.#connection?.end(reason);
    this.#life.abort(reason);
    await this.#running;
  }

  /** Does not reject. */
  async #run(tried: (outcome: Error | undefined) => void): Promise<void> {
    const closing = this.#closing.signal;
    let failures = 0;
    while (!closing.aborted) {
      const startedAt = Date.now();
      const reason = await this.#connectOnce(tried);
      if (!closing.aborted) this.#suspend(reason);
      tried(reason);
      failures = Date.now() - startedAt > STABLE_MS ? 1 : failures + 1;
      await pause(backoff(failures, RETRY), closing);
    }
  }

  /** Runs one connection, from the attempt to its end. @returns why it ended */
  async #connectOnce(tried: (outcome: undefined) => void): Promise<Error> {
    const life = new AbortController();
    this.#life = life;
    const { endpoint, pubSub, heartbeat, onDoubt } = this.#options;
    const onRefused = (channel?: string): void => {
      if (channel !== undefined) this.#subscriber?.forget(channel);
      onDoubt();
    };
    try {
      const options = { endpoint, pubSub, heartbeat: heartbeat(), onRefused };
      const connection = await RedisConnection.open(options, life);
      this.#resume(connection);
      tried(undefined);
      await aborted(life.signal);
    } catch {
      // The reason is that of `life`, returned below.
    } finally {
      this.#connection = undefined;
      this.#subscriber = undefined;
    }
    return life.signal.reason;
  }

  #resume(connection: RedisConnection): void {
    this.#connection = connection;
    this.#subscriber = new ChannelSubscriber(connection, this.#channels, this.#options.onDoubt);
    this.#problem = undefined;
    if (this.#hasReported) this.#logger.info({ dropped: this.#dropped }, "Redis available again");
    this.#hasReported = false;
    this.#dropped = 0;
  }

  #suspend(reason: Error): void {
    this.#problem = reason.message;
    if (!this.#hasReported) this.#logger.warn({ reason: reason.message }, "Redis unavailable");
    this.#hasReported = true;
    this.#options.onDoubt();
  }
}
