import { LruMap } from "../runtime/lru-map.ts";
import { networkOf } from "../runtime/network-of-address.ts";
import type { LoopStats } from "./connection-stats.ts";

/** How much of the event loop clients may take, in milliseconds a second. */
export interface LoopLimits {
  /** One connection, whatever else there is to do; four seconds' worth at once. */
  readonly perConnection: number;
  /** All connections of one address together, while the event loop is loaded. */
  readonly perAddress: number;
}

/** How many seconds' worth a connection may use at once. */
const BURST_S = 4;
/** What the connections of an address that has used up its share may use at once, in milliseconds. */
const FAIR_BURST_MS = 200;
/** Of that, what one of them may use. */
const MOST_FAIR_BURST_MS = 20;
/** How many seconds' worth an address may use at once. */
const ADDRESS_BURST_S = 0.25;
/** When an address has used that much of one turn of the event loop, the rest of it waits for the next. */
const TURN_MS = 15;
/** To stop and start more of them would take longer than it saves. */
const MOST_HELD = 512;
/** What is owed for longer than that is let off. */
const MAX_PAUSE_MS = 10_000;
/** After this long others get their turn: messages that come in one packet are handled one by one. */
const SLICE_MS = 2;
/** A shorter pause costs more than it saves. */
const MIN_PAUSE_MS = 5;
/** From this load of the event loop on, from 0 to 1, addresses are limited. */
const LOADED = 0.5;
/** Those that connected least recently are forgotten first. */
const MAX_NETWORKS = 10_000;

/** What has been used, less what has been paid since, in milliseconds. */
class Account {
  #used = 0;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /** @param perMs what is paid in each millisecond @param burst what may be used at once */
  use(ms: number, perMs: number, burst: number, now: number): void {
    this.#pay(perMs, now);
    this.#used = Math.min(this.#used + ms, burst + MAX_PAUSE_MS * perMs);
  }

  /** How long it takes until no more than the burst is unpaid, in milliseconds. */
  owed(perMs: number, burst: number, now: number): number {
    this.#pay(perMs, now);
    return Math.max(0, this.#used - burst) / perMs;
  }

  #pay(perMs: number, now: number): void {
    this.#used = Math.max(0, this.#used - Math.max(0, now - this.#at) * perMs);
    this.#at = now;
  }
}

/** The connections of one address. */
class Network {
  readonly connections: Set<LoopBudget> = new Set();
  readonly account: Account;
  /** What was used in this turn of the event loop. */
  #used = 0;
  #isTurn = false;
  #isHeld = false;

  constructor(now: number) {
    this.account = new Account(now);
  }

  /** Counts what was used in this turn. When it is too much, all connections wait for the next one. */
  use(ms: number): void {
    this.#used += ms;
    if (this.#isHeld || this.#used < TURN_MS) {
      if (!this.#isTurn) this.#begin(() => {});
      return;
    }
    if (this.connections.size > MOST_HELD) return;
    this.#isHeld = true;
    const nextTurn = new Promise<void>((resolve) => this.#begin(resolve));
    for (const connection of this.connections) connection.onHold(nextTurn);
  }

  #begin(onEnd: () => void): void {
    this.#isTurn = true;
    setImmediate(() => {
      this.#used = 0;
      this.#isTurn = false;
      this.#isHeld = false;
      onEnd();
    });
  }
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

  /**
   * The budget of a new connection; `end` is called when that is over. Times are by `performance.now()`.
   *
   * @param onHold the connection should do no more, and read no more, until this resolves
   */
  open(address: string, now: number, onHold: (until: Promise<void>) => void): LoopBudget {
    const name = networkOf(address);
    let network = this.#networks.get(name);
    if (network === undefined) {
      network = new Network(now);
      this.#networks.set(name, network);
    }
    return new LoopBudget(network, this.#limits, this.#load, this.#stats, onHold, now);
  }
}

/** What one connection may use of the event loop. */
export class LoopBudget {
  readonly onHold: (until: Promise<void>) => void;
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
    onHold: (until: Promise<void>) => void,
    now: number,
  ) {
    this.onHold = onHold;
    this.#network = network;
    this.#limits = limits;
    this.#load = load;
    this.#stats = stats;
    this.#own = new Account(now);
    this.#fair = new Account(now);
    network.connections.add(this);
  }

  /** Charges what was done for the connection, in milliseconds. */
  charge(ms: number, now: number): void {
    const { perConnection, perAddress } = this.#limits;
    this.#own.use(ms, perConnection / 1_000, BURST_S * perConnection, now);
    this.#fair.use(ms, this.#fairPerMs, this.#fairBurst, now);
    this.#network.account.use(ms, perAddress / 1_000, ADDRESS_BURST_S * perAddress, now);
    this.#stats.milliseconds += ms;
    this.#slice += ms;
    this.#network.use(ms);
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
    this.#network.connections.delete(this);
    clearTimeout(this.#timer);
  }

  #owed(now: number): number {
    const { perConnection, perAddress } = this.#limits;
    const owed = this.#own.owed(perConnection / 1_000, BURST_S * perConnection, now);
    const burst = ADDRESS_BURST_S * perAddress;
    if (this.#network.account.owed(perAddress / 1_000, burst, now) === 0) return owed;
    if (this.#load.get(now) <= LOADED) return owed;
    const ofPart = this.#fair.owed(this.#fairPerMs, this.#fairBurst, now);
    return Math.min(MAX_PAUSE_MS, Math.max(owed, ofPart));
  }

  get #fairPerMs(): number {
    return this.#limits.perAddress / 1_000 / Math.max(1, this.#network.connections.size);
  }

  get #fairBurst(): number {
    return Math.min(
      MOST_FAIR_BURST_MS,
      FAIR_BURST_MS / Math.max(1, this.#network.connections.size),
    );
  }
}
