import { onAbort } from "./abort.ts";
import type { RedisConnection } from "./connection.ts";
import type { Channel } from "./transport.ts";

/** Maximum number of pending commands: thousands of channels must not hold up the messages. */
const WINDOW = 256;
const RETRY_MS = 500;

/**
 * Keeps the subscriptions of one connection equal to the wanted ones, until the connection ends.
 */
export class ChannelSubscriber {
  readonly #connection: RedisConnection;
  readonly #wanted: ReadonlyMap<string, Channel>;
  readonly #onRefused: () => void;
  /** The confirmed subscriptions, each with the channel that was notified. */
  readonly #subscribed: Map<string, Channel | undefined> = new Map();
  readonly #due: Set<string> = new Set();
  /** One command at a time for each channel: their order matters, and the library requires it. */
  readonly #busy: Set<string> = new Set();
  readonly #refused: Set<string> = new Set();
  #retry: NodeJS.Timeout | undefined;

  /**
   * @param wanted may change; call `check` after a change
   * @param onRefused called when the server rejects a command, which is retried shortly afterwards
   */
  constructor(
    connection: RedisConnection,
    wanted: ReadonlyMap<string, Channel>,
    onRefused: () => void,
  ) {
    this.#connection = connection;
    this.#wanted = wanted;
    this.#onRefused = onRefused;
    onAbort(connection.signal, () => clearTimeout(this.#retry));
    for (const name of wanted.keys()) this.#due.add(name);
    this.#work();
  }

  isInForce(channel: Channel): boolean {
    return this.#subscribed.get(channel.name) === channel;
  }

  /** Call when this channel may have been added to or removed from the wanted ones. */
  check(name: string): void {
    this.#due.add(name);
    this.#work();
  }

  /** Call when the server has ended a subscription by itself. */
  forget(name: string): void {
    this.#subscribed.delete(name);
    this.#checkLater(name);
  }

  #work(): void {
    for (const name of this.#due) {
      if (this.#busy.size >= WINDOW || this.#connection.signal.aborted) return;
      if (this.#busy.has(name)) continue;
      this.#due.delete(name);
      void this.#settle(name);
    }
  }

  /** Does not reject. */
  async #settle(name: string): Promise<void> {
    const channel = this.#wanted.get(name);
    if ((channel !== undefined) !== this.#subscribed.has(name)) {
      this.#busy.add(name);
      try {
        if (channel === undefined) await this.#unsubscribe(name);
        else await this.#subscribe(name);
      } catch {
        // The reason is reported elsewhere: the heartbeat is refused as well, or the connection has
        // ended, or the topology shows that the channel belongs to another server.
        if (this.#connection.signal.aborted) return;
        this.#checkLater(name);
        this.#onRefused();
        return;
      } finally {
        this.#busy.delete(name);
      }
      if (this.#connection.signal.aborted) return;
    }
    if (this.#wanted.get(name) !== channel) {
      this.#due.add(name);
    } else if (channel !== undefined && !this.isInForce(channel)) {
      this.#subscribed.set(name, channel);
      channel.onInForce();
    }
    this.#work();
  }

  async #subscribe(name: string): Promise<void> {
    await this.#connection.subscribe(name, (message) => {
      // Not a Buffer, whose slice() would not copy.
      const bytes = new Uint8Array(message.buffer, message.byteOffset, message.length);
      this.#wanted.get(name)?.onMessage(bytes);
    });
    this.#subscribed.set(name, undefined);
  }

  async #unsubscribe(name: string): Promise<void> {
    await this.#connection.unsubscribe(name);
    this.#subscribed.delete(name);
  }

  #checkLater(name: string): void {
    this.#refused.add(name);
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      for (const refused of this.#refused) this.#due.add(refused);
      this.#refused.clear();
      this.#work();
    }, RETRY_MS);
  }
}
