/** A client that was not refused for this long starts afresh. It is longer than any refusal is held. */
const QUIET_MS = 240_000;
/** Clients that are remembered; the one refused longest ago is forgotten first. */
const MAX_CLIENTS = 20_000;
/** Beyond this many, the clients of one network share an entry, so that it cannot push out others. */
const MAX_CLIENTS_PER_NETWORK = 1_000;

interface Entry {
  readonly network: string;
  /** When the refusals began. */
  readonly since: number;
  /** When the last one was. */
  readonly at: number;
}

/**
 * Remembers for how long each client has been refused. A refusal is held for as long as the client
 * has already been refused, so delays double, whether one tab comes back or a thousand.
 */
export class RefusalHistory {
  /** By client; the one refused longest ago comes first. */
  readonly #entries: Map<string, Entry> = new Map();
  readonly #clientsOf: Map<string, number> = new Map();

  /** Whether the client was refused a short time ago. */
  has(network: string, client: string, now: number): boolean {
    this.#forgetQuiet(now);
    return this.#entries.has(this.#keyOf(network, client));
  }

  /**
   * Notes that the client is refused.
   *
   * @returns for how long it has been refused already, in milliseconds; 0 the first time
   */
  refuse(network: string, client: string, now: number): number {
    this.#forgetQuiet(now);
    const key = this.#keyOf(network, client);
    const known = this.#entries.get(key);
    if (known === undefined) this.#count(network, 1);
    // Moves to the end.
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
