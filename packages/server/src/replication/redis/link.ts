import type { Logger } from "pino";
import { aborted, pause } from "./abort.ts";
import type { Client } from "./client.ts";
import { Connection, type PubSub } from "./connection.ts";
import { addressOf, type Endpoint } from "./endpoint.ts";
import { Subscriber } from "./subscriber.ts";
import type { Channel, Transport } from "./transport.ts";

export interface LinkOptions {
  readonly endpoint: Endpoint;
  readonly pubSub: PubSub;
  /** Names a channel of the server that nobody else uses. */
  readonly heartbeat: () => string;
  /** It is not sure any more that this server does what is asked of it. */
  readonly onDoubt: () => void;
  readonly logger: Logger;
}

const MIN_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;
/** A connection that ends sooner counts as one that failed. */
const STABLE_MS = 5_000;
const WARN_MS = 10_000;

/**
 * A server of Redis, for as long as it is of use. There is a connection to it, or an attempt to get
 * one. A connection that fails is replaced by a new one, which subscribes to everything anew.
 */
export class Link implements Transport {
  readonly firstOutcome: Promise<Error | undefined>;
  readonly #options: LinkOptions;
  readonly #logger: Logger;
  readonly #channels: Map<string, Channel> = new Map();
  readonly #closing: AbortController = new AbortController();
  readonly #running: Promise<void>;
  #life: AbortController = new AbortController();
  #connection: Connection | undefined;
  #subscriber: Subscriber | undefined;
  #problem: string | undefined;
  #hasReported = false;
  #dropped = 0;
  #warnAt = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    const server = addressOf(options.endpoint);
    this.#logger = options.logger.child({ server });
    this.#problem = `Redis at ${server} was not reached yet`;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.firstOutcome = promise;
    // Not yet: `heartbeat` may need this link, which its creator has only when this returns.
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
    this.#logger.warn({ dropped: this.#dropped }, "more is published than Redis takes; dropping");
  }

  /** @throws Error when it does not answer, also because there is no connection */
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
      const longest = Math.min(MIN_RETRY_MS * 2 ** failures, MAX_RETRY_MS);
      await pause(longest * (0.5 + Math.random() / 2), closing);
    }
  }

  /** One connection, from the attempt to its end. @returns why it ended */
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
      const connection = await Connection.open(options, life);
      this.#resume(connection);
      tried(undefined);
      await aborted(life.signal);
    } catch {
      // The reason is that of its end.
    } finally {
      this.#connection = undefined;
      this.#subscriber = undefined;
    }
    return life.signal.reason;
  }

  #resume(connection: Connection): void {
    this.#connection = connection;
    this.#subscriber = new Subscriber(connection, this.#channels, this.#options.onDoubt);
    this.#problem = undefined;
    if (this.#hasReported) this.#logger.info({ dropped: this.#dropped }, "Redis works again");
    this.#hasReported = false;
    this.#dropped = 0;
  }

  #suspend(reason: Error): void {
    this.#problem = reason.message;
    if (!this.#hasReported) this.#logger.warn({ reason: reason.message }, "Redis does not work");
    this.#hasReported = true;
    this.#options.onDoubt();
  }
}
