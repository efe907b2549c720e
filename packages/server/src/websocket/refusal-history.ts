/** A client not refused for this long starts over. Longer than any refusal is held. */
const QUIET_MS = 240_000;
/** How many clients to remember. The one refused longest ago is dropped first. */
const MAX_CLIENTS = 20_000;
/** Above this many, further clients of one network share an entry, so that it cannot push out others. */
const MAX_CLIENTS_PER_NETWORK = 1_000;

interface RefusalRecord {
  readonly network: string;
  /** When the client was first refused. */
  readonly since: number;
  /** When the client was last refused. */
  readonly at: number;
}

/**
 * Remembers how long each client has been getting refused. A refusal is held for that long, so delays
 * double, whether one tab comes back or a thousand.
 */
export class RefusalHistory {
  /** By client, the one refused longest ago first. */
  readonly #entries: Map<string, RefusalRecord> = new Map();
  readonly #clientsOf: Map<string, number> = new Map();

  /** Whether the client has been refused recently. */
  has(network: string, client: string, now: number): boolean {
    this.#forgetQuiet(now);
    return this.#entries.has(this.#keyOf(network, client));
  }

  /**
   * Records a refusal of the client.
   *
   * @returns how long the client has been getting refused, in milliseconds; 0 the first time
   */
  refuse(network: string, client: string, now: number): number {
    this.#forgetQuiet(now);
    const key = this.#keyOf(network, client);
    const known = this.#entries.get(key);
    if (known === undefined) this.#count(network, 1);
    // Re-inserted below, at the end.
    this.#entries.delete(key);
    const since = known?.since ?? now;
    this.#entries.set(key, { network, since, at: now });
    if (this.#entries.size > MAX_CLIENTS) this.#forgetOldest();
    return now - since;
  }

  #keyOf(network: string, client: string): string {
    const isOver = (this.#clientsOf.get(network) ?? 0) >= MAX_CLIENTS_PER_NETWORK;
    return isOver && !this.#entries.has(client) ? `all of ${network}` : client;
  }

  #forgetQuiet(now: number): void {
    for (const { at } of this.#entries.values()) {
      if (now - at < QUIET_MS) return;
      this.#forgetOldest();
    }
  }

  #forgetOldest(): void {
    for (const [key, { network }] of this.#entries) {
      this.#entries.delete(key);
      this.#count(network, -1);
      return;
    }
  }

  #count(network: string, change: number): void {
    const count = (this.#clientsOf.get(network) ?? 0) + change;
    if (count > 0) this.#clientsOf.set(network, count);
    else this.#clientsOf.delete(network);
  }
}
