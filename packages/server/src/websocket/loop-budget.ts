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
/** How much of each part of a turn an address may use before its connections wait for the next. */
const PART_OF_TURN_MS = 10;
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

  /** What had not been paid back when the account was last looked at. */
  get used(): number {
    return this.#used;
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

interface Waiter {
  readonly budget: LoopBudget;
  readonly proceed: () => void;
}

/**
 * The connections of one address. A turn of the event loop has two parts: first, connections that have
 * been waiting for it continue; then sockets are read. Each part has a limit, so a connection is read
 * however much work others have waiting.
 */
class Network {
  readonly connections: Set<LoopBudget> = new Set();
  readonly account: Account;
  /** Time used in this part of the turn. */
  #used = 0;
  #isScheduled = false;
  #isContinuing = false;
  #waiting: Waiter[] = [];

  constructor(now: number) {
    this.account = new Account(now);
  }

  /** Whether the connections have used as much of this part of the turn as they may. */
  get isHeld(): boolean {
    return this.#used >= PART_OF_TURN_MS;
  }

  use(ms: number): void {
    const wasHeld = this.isHeld;
    this.#used += ms;
    this.#schedule();
    if (wasHeld || !this.isHeld || this.#isContinuing) return;
    if (this.connections.size > MOST_HELD) return;
    for (const budget of this.connections) budget.onHold();
  }

  /** Calls `proceed` in one of the next turns: first that of the connection that has used least. */
  nextTurn(budget: LoopBudget, proceed: () => void): void {
    this.#waiting.push({ budget, proceed });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isScheduled = false;
    this.#used = 0;
    this.#isContinuing = true;
    const waiting = this.#waiting.sort((a, b) => b.budget.used - a.budget.used);
    this.#waiting = [];
    while (!this.isHeld) {
      const next = waiting.pop();
      if (next === undefined) break;
      next.proceed();
    }
    this.#waiting.push(...waiting);
    if (this.#waiting.length > 0) this.#schedule();
    this.#isContinuing = false;
    this.#used = 0;
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
   * @param onHold called when the connection should neither handle nor read anything until its next turn
   */
  open(address: string, now: number, onHold: () => void): LoopBudget {
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
  readonly onHold: () => void;
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
    onHold: () => void,
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

  /**
   * Whether the connection has to wait before doing more. If so, `proceed` is called when it may, unless
   * the budget has ended.
   */
  defer(now: number, proceed: () => void): boolean {
    const ms = this.#mayOwe ? this.#owed(now) : 0;
    this.#mayOwe = ms > 0;
    if (ms >= MIN_PAUSE_MS) {
      this.#stats.pauses++;
      this.#timer = setTimeout(proceed, Math.ceil(ms)).unref();
      return true;
    }
    if (this.#slice < SLICE_MS && !this.#network.isHeld) return false;
    this.nextTurn(proceed);
    return true;
  }

  /** Calls `proceed` when the connection's next turn has come, unless the budget has ended. */
  nextTurn(proceed: () => void): void {
    this.#slice = 0;
    this.#network.nextTurn(this, () => {
      if (!this.#ended) proceed();
    });
  }

  /** What the connection has used and not paid back yet, in milliseconds. */
  get used(): number {
    return this.#own.used + this.#unsettled;
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
