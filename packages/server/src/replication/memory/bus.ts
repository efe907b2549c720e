import type { Logger } from "pino";
import type { Bus, BusListener, Subscription } from "../bus.ts";

/**
 * Carries messages between servers of one process, as Redis does between processes. Each server opens a
 * bus on it. Messages are delivered in a later turn of the event loop, in the order in which they were
 * published. What is published during an outage, or is on its way when one begins, is lost.
 */
export class MemoryBroker {
  readonly #rooms: Map<string, Set<MemorySubscription>> = new Map();
  #outage: string | undefined;
  /** How many there were. What was published before the last one is not delivered any more. */
  #outages = 0;

  /** Why nothing gets through, or `undefined`. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** The bus of one more server. @param logger is told of listeners that throw */
  open(logger: Logger): Bus {
    return new MemoryBus(this, logger);
  }

  /** Begins an outage. @param reason the `problem` of each bus meanwhile */
  interrupt(reason: string): void {
    this.#outage = reason;
    this.#outages++;
  }

  /** Ends the outage, if there is one. All subscribers are told in the next turn. */
  restore(): void {
    if (this.#outage === undefined) return;
    this.#outage = undefined;
    for (const subscriptions of this.#rooms.values()) {
      for (const subscription of subscriptions) subscription.announceInterruption();
    }
  }

  /** By room, how many servers are subscribed to it. */
  subscriptions(): ReadonlyMap<string, number> {
    const servers = new Map<string, number>();
    for (const [room, subscriptions] of this.#rooms) {
      servers.set(room, new Set(Array.from(subscriptions, ({ bus }) => bus)).size);
    }
    return servers;
  }

  add(subscription: MemorySubscription): void {
    const { room } = subscription;
    this.#rooms.set(room, (this.#rooms.get(room) ?? new Set()).add(subscription));
  }

  remove(subscription: MemorySubscription): void {
    const subscriptions = this.#rooms.get(subscription.room);
    if (subscriptions?.delete(subscription) && subscriptions.size === 0) {
      this.#rooms.delete(subscription.room);
    }
  }

  publish(room: string, message: Uint8Array): void {
    if (this.#outage !== undefined) return;
    const outages = this.#outages;
    setImmediate(() => {
      if (this.#outages !== outages) return;
      for (const subscription of [...(this.#rooms.get(room) ?? [])]) subscription.deliver(message);
    });
  }
}

/** What one server has of a broker. */
class MemoryBus implements Bus {
  readonly broker: MemoryBroker;
  readonly #logger: Logger;
  readonly #subscriptions: Set<MemorySubscription> = new Set();
  #isClosed = false;

  constructor(broker: MemoryBroker, logger: Logger) {
    this.broker = broker;
    this.#logger = logger;
  }

  get problem(): string | undefined {
    return this.#isClosed ? "closed" : this.broker.outage;
  }

  async subscribe(room: string, listener: BusListener): Promise<Subscription> {
    const subscription = new MemorySubscription(this, room, listener);
    this.#subscriptions.add(subscription);
    this.broker.add(subscription);
    if (this.#isClosed) await subscription.close();
    return subscription;
  }

  remove(subscription: MemorySubscription): void {
    this.#subscriptions.delete(subscription);
    this.broker.remove(subscription);
  }

  /** Calls a listener. What it throws is logged, and keeps nothing from the others. */
  notify(room: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#logger.error({ room, err: error }, "a listener of the bus failed");
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#subscriptions, (subscription) => subscription.close()));
  }
}

class MemorySubscription implements Subscription {
  readonly bus: MemoryBus;
  readonly room: string;
  readonly #listener: BusListener;
  #isClosed = false;
  #isAnnouncing = false;

  constructor(bus: MemoryBus, room: string, listener: BusListener) {
    this.bus = bus;
    this.room = room;
    this.#listener = listener;
  }

  publish(message: Uint8Array): void {
    if (!this.#isClosed) this.bus.broker.publish(this.room, message);
  }

  deliver(message: Uint8Array): void {
    if (this.#isClosed) return;
    // A copy for each listener, which may write into it; and no Buffer, whose `slice` does not copy.
    this.bus.notify(this.room, () => this.#listener.onMessage(new Uint8Array(message)));
  }

  /** Says in the next turn that messages were lost, unless the next outage has begun by then. */
  announceInterruption(): void {
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    setImmediate(() => {
      this.#isAnnouncing = false;
      if (this.#isClosed || this.bus.problem !== undefined) return;
      this.bus.notify(this.room, () => this.#listener.onInterrupted());
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.bus.remove(this);
  }
}
