import { LruMap } from "../access/lru-map.ts";
import { networkOf } from "../access/network-of-address.ts";
import type { LoopStats } from "../metrics/stats.ts";

/** How much of the event loop clients may take, in milliseconds a second. */
export interface LoopLimits {
  /** One connection, whatever else there is to do; four seconds' worth at once. */
  readonly perConnection: number;
  /** All connections of one address together, while the event loop is loaded. */
  readonly perAddress: number;
}

/** How many seconds' worth a connection may use at once. */
const BURST_S = 4;
/** What a connection may use at once, in milliseconds, when its address has used up its share. */
const FAIR_BURST_MS = 20;
/** What is owed for longer than that is let off. */
const MAX_PAUSE_MS = 10_000;
/** After this long others get their turn: messages that come in one packet are handled one by one. */
const SLICE_MS = 2;
/** A shorter pause costs more than it saves. */
const MIN_PAUSE_MS = 5;
/** From this load of the event loop on, from 0 to 1, addresses are limited. */
const LOADED = 0.6;
/** Those that connected least recently are forgotten first. */
const MAX_NETWORKS = 10_000;

/** What has been used, less what has been paid since, in milliseconds. */
class Account {
  readonly #burst: number;
  #used = 0;
  #at: number;

  /** @param burst what may be used at once */
  constructor(burst: number, now: number) {
    this.#burst = burst;
    this.#at = now;
  }

  /** @param perMs what is paid in each millisecond, as for `owed` */
  use(ms: number, perMs: number, now: number): void {
    this.#pay(perMs, now);
    this.#used = Math.min(this.#used + ms, this.#burst + MAX_PAUSE_MS * perMs);
  }

  /** How long it takes until no more than the burst is unpaid, in milliseconds. */
  owed(perMs: number, now: number): number {
    this.#pay(perMs, now);
    return Math.max(0, this.#used - this.#burst) / perMs;
  }

  #pay(perMs: number, now: number): void {
    this.#used = Math.max(0, this.#used - Math.max(0, now - this.#at) * perMs);
    this.#at = now;
  }
}

/** The connections of one address. */
interface Network {
  connections: number;
  readonly account: Account;
}

/**
 * Charges connections for the time that the event loop works for them, measured while it does. A
 * connection that has used up its share is not read until it has paid; what others wait for is done
 * meanwhile. Honest clients use a thousandth of it.
 *
 * Many connections of one address share what that address may use while the loop is loaded. When it
 * is used up, those pay that use more than their part of it; who uses little is not delayed.
 */
export class LoopBudgets {
  readonly #limits: LoopLimits;
  readonly #load: { get(now: number): number };
  readonly #stats: LoopStats;
  readonly #networks: LruMap<string, Network> = new LruMap(MAX_NETWORKS);

  /** @param load of the event loop, from 0 to 1 */
  constructor(limits: LoopLimits, load: { get(now: number): number }, stats: LoopStats) {
    this.#limits = limits;
    this.#load = load;
    this.#stats = stats;
  }

  /** The budget of a new connection; `end` is called when that is over. Times are those of `performance.now()`. */
  open(address: string, now: number): LoopBudget {
    const name = networkOf(address);
    let network = this.#networks.get(name);
    if (network === undefined) {
      network = { connections: 0, account: new Account(this.#limits.perAddress, now) };
      this.#networks.set(name, network);
    }
    return new LoopBudget(network, this.#limits, this.#load, this.#stats, now);
  }
}

/** What one connection may use of the event loop. */
export class LoopBudget {
  readonly #network: Network;
  readonly #limits: LoopLimits;
  readonly #load: { get(now: number): number };
  readonly #stats: LoopStats;
  readonly #own: Account;
  /** Against its part of what the address may use. */
  readonly #fair: Account;
  #slice = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(
    network: Network,
    limits: LoopLimits,
    load: { get(now: number): number },
    stats: LoopStats,
    now: number,
  ) {
    this.#network = network;
    this.#limits = limits;
    this.#load = load;
    this.#stats = stats;
    this.#own = new Account(BURST_S * limits.perConnection, now);
    this.#fair = new Account(FAIR_BURST_MS, now);
    network.connections++;
  }

  /** Charges what was done for the connection, in milliseconds. */
  charge(ms: number, now: number): void {
    const { perConnection, perAddress } = this.#limits;
    this.#own.use(ms, perConnection / 1_000, now);
    this.#fair.use(ms, this.#fairPerMs, now);
    this.#network.account.use(ms, perAddress / 1_000, now);
    this.#stats.milliseconds += ms;
    this.#slice += ms;
  }

  /** What has to be waited for before more is done for the connection; `null`, most often: nothing. */
  due(now: number): Promise<void> | null {
    const ms = this.#owed(now);
    if (ms >= MIN_PAUSE_MS) {
      this.#stats.pauses++;
      return new Promise((resolve) => {
        this.#timer = setTimeout(resolve, Math.ceil(ms)).unref();
      });
    }
    if (this.#slice < SLICE_MS) return null;
    this.#slice = 0;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  /** The connection is over. Only the first call counts. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#network.connections--;
    clearTimeout(this.#timer);
  }

  #owed(now: number): number {
    const { perConnection, perAddress } = this.#limits;
    const owed = this.#own.owed(perConnection / 1_000, now);
    if (this.#network.account.owed(perAddress / 1_000, now) === 0) return owed;
    if (this.#load.get(now) <= LOADED) return owed;
    return Math.min(MAX_PAUSE_MS, Math.max(owed, this.#fair.owed(this.#fairPerMs, now)));
  }

  get #fairPerMs(): number {
    return this.#limits.perAddress / 1_000 / Math.max(1, this.#network.connections);
  }
}
