import { LRUCache } from "lru-cache";
import { networkOf } from "../runtime/network-of-address.ts";
import type { LoopStats } from "./connection-stats.ts";

/** How much event-loop time clients may use, in milliseconds per second. */
export interface LoopLimits {
  /** For one connection, regardless of the load; four seconds' worth in a burst. */
  readonly perConnection: number;
  /** For all connections of one address together, while the event loop is loaded. */
  readonly perAddress: number;
}

/** A connection's largest burst, in seconds' worth of its share. */
const BURST_S = 4;
/** The burst that connections share when their address has used up its share, in milliseconds. */
const FAIR_BURST_MS = 200;
/** The most of that burst that one connection may use. */
const MOST_FAIR_BURST_MS = 20;
/** An address's largest burst, in seconds' worth of its share. */
const ADDRESS_BURST_S = 0.25;
/** How much of one turn of the event loop an address may use before its connections wait for the next. */
const TURN_MS = 15;
/** Pausing and resuming more connections than this takes longer than it saves. */
const MOST_HELD = 512;
/** The longest pause. Debt beyond it is forgiven. */
const MAX_PAUSE_MS = 10_000;
/** Yield to other connections after this long, because one packet may hold many messages. */
const SLICE_MS = 2;
/** Charges are added up to this, as most are a tenth of it. */
const SETTLED_MS = 0.25;
/** A shorter pause costs more than it saves. */
const MIN_PAUSE_MS = 5;
/** The event-loop load, from 0 to 1, above which addresses are limited. */
const LOADED = 0.5;
/** The number of networks to remember. The one that connected least recently is dropped first. */
const MAX_NETWORKS = 10_000;

/** A leaky bucket: the time used minus the time paid back since, in milliseconds. */
class Account {
  #used = 0;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /** @param perMs how much is paid back per millisecond @param burst the largest burst */
  use(ms: number, perMs: number, burst: number, now: number): void {
    this.#pay(perMs, now);
    this.#used = Math.min(this.#used + ms, burst + MAX_PAUSE_MS * perMs);
  }

  /** Milliseconds until no more than the burst is unpaid. */
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
  /** Time used in this turn of the event loop. */
  #used = 0;
  #isTurn = false;
  #isHeld = false;

  constructor(now: number) {
    this.account = new Account(now);
  }

  /** Counts time used in this turn. Above the limit, all connections wait for the next turn. */
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
 * Charges connections for the measured time that the event loop spends on them. A connection that has
 * used up its share is not read until it has paid, and the loop serves others meanwhile. Honest clients
 * use a thousandth of their share.
 *
 * While the loop is loaded, the connections of one address share a budget. Once that is used up, only
 * connections that have used more than their part of it are paused; light users are not delayed.
 */
export class LoopBudgets {
  readonly #limits: LoopLimits;
  readonly #load: { get(now: number): number };
  readonly #stats: LoopStats;
  readonly #networks: LRUCache<string, Network> = new LRUCache({ max: MAX_NETWORKS });

  /** @param load the load of the event loop, from 0 to 1 */
  constructor(limits: LoopLimits, load: { get(now: number): number }, stats: LoopStats) {
    this.#limits = limits;
    this.#load = load;
    this.#stats = stats;
  }

  /**
   * Opens the budget of a new connection, to be ended with `end`. Times are those of
   * `performance.now()`.
   *
   * @param onHold called when the connection should neither handle nor read anything until this resolves
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

/** The event-loop time that one connection may use. */
export class LoopBudget {
  readonly onHold: (until: Promise<void>) => void;
  readonly #network: Network;
  readonly #limits: LoopLimits;
  readonly #load: { get(now: number): number };
  readonly #stats: LoopStats;
  readonly #own: Account;
  /** Measures use against the connection's part of its address's budget. */
  readonly #fair: Account;
  #slice = 0;
  /** Time charged but not yet entered in the accounts. */
  #unsettled = 0;
  /** Whether anything has been entered since the accounts were last found to be paid. */
  #mayOwe = false;
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

  /** Charges the connection for this many milliseconds of work. */
  charge(ms: number, now: number): void {
    this.#stats.milliseconds += ms;
    this.#slice += ms;
    this.#network.use(ms);
    this.#unsettled += ms;
    if (this.#unsettled >= SETTLED_MS) this.#settle(now);
  }

  /** A promise to await before doing more for the connection, or, usually, `null`. */
  due(now: number): Promise<void> | null {
    const ms = this.#mayOwe ? this.#owed(now) : 0;
    this.#mayOwe = ms > 0;
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

  /** The connection is closed. May be called more than once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#network.connections.delete(this);
    clearTimeout(this.#timer);
  }

  #settle(now: number): void {
    const { perConnection, perAddress } = this.#limits;
    const ms = this.#unsettled;
    this.#unsettled = 0;
    this.#mayOwe = true;
    this.#own.use(ms, perConnection / 1_000, BURST_S * perConnection, now);
    this.#fair.use(ms, this.#fairPerMs, this.#fairBurst, now);
    this.#network.account.use(ms, perAddress / 1_000, ADDRESS_BURST_S * perAddress, now);
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
