import { getHeapStatistics } from "node:v8";
import type { Logger } from "pino";
import { collectGarbage, collectYoungGarbage } from "../runtime/collect-garbage.ts";

const LOOK_MS = 100;
/** The guard stops acting this far below the share at which it starts, so that it does not flap. */
const HYSTERESIS = 0.08;
/** The JavaScript heap has a limit of its own, at which the process aborts; act at this share of it. */
const HEAP_SHARE = 0.85;
/** Closing a connection that uses less than this is not worth it. */
const HEAVY_BYTES = 256 * 1024;
/** How long to wait for the memory of closed connections to be freed before closing more. */
const RELIEF_MS = 2_000;
/** Above this share of the limit, the wait is only `CRITICAL_RELIEF_MS`. */
const CRITICAL_SHARE = 0.86;
const CRITICAL_RELIEF_MS = 300;

/**
 * When clients have used less than this share of the limit for this long, most resident memory is
 * retained by the allocator. It will be reused before the process grows, so no client is refused.
 */
const IDLE_SHARE = 0.05;
const IDLE_MS = 3_000;
/** Above this share of the limit, collect garbage outside the heap instead of waiting for V8. */
const COLLECT_SHARE = 0.4;
/** How much such garbage to let accumulate before a collection, as a share of the limit. */
const GARBAGE_SHARE = 1 / 10;
/** The time between two collections, each of which takes some tens of milliseconds. */
const LEAST_COLLECTION_MS = 200;
const MOST_COLLECTION_MS = 5_000;
/** How many waiters to release per check; all of them together would use up the memory again. */
const RELEASED_AT_ONCE = 3;

interface MemoryUsage {
  /** Resident memory. */
  readonly bytes: number;
  readonly limit: number;
  readonly heap: number;
  readonly heapLimit: number;
  /** Memory outside the heap, mostly buffers. */
  readonly external: number;
  /** By how much usage exceeds the limits; 0 or less if it does not. */
  readonly excess: number;
}

/** A connection, weighed by the memory that it uses. */
export interface Weighed {
  readonly address: string;
  /** Bytes waiting to be sent to the client, or received from it and not yet handled. */
  readonly waiting: number;
  /** Its share of the memory of its document, in bytes. */
  readonly documentShare: number;
  /** Closes it at once. */
  endForMemory(reason: string): void;
}

export interface MemoryGuardOptions {
  /** The memory limit of the process, in bytes. */
  readonly limit: number;
  /** The share of the limit above which the guard acts. */
  readonly share: number;
  readonly connections: ReadonlySet<Weighed>;
  readonly logger: Logger;
  /** Unloads documents without users. */
  readonly unload: () => void;
}

/**
 * Keeps clients from using up the memory of the process. Above a share of the limit, it refuses new
 * connections and closes the heaviest ones, each time the heaviest of the address that uses the most,
 * until they make up for the excess.
 */
export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  readonly #timer: NodeJS.Timeout;
  #isFull = false;
  /** At most one per connection, because a connection is not read while it waits. */
  readonly #waiters: (() => void)[] = [];
  #actedAt = Number.NEGATIVE_INFINITY;
  #interval = LEAST_COLLECTION_MS;
  #collectedAt = Number.NEGATIVE_INFINITY;
  /** Memory outside the heap after the last collection. */
  #kept = 0;
  /** Since when clients have used next to nothing; `Infinity` while they use more. */
  #idleSince = Number.POSITIVE_INFINITY;
  #ended = 0;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  get limit(): number {
    return this.#options.limit;
  }

  /** Whether memory is so short that no new work should start. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Resolves when `isFull` is false, for a few waiters at a time. Does not reject. */
  whenNotFull(): Promise<void> {
    if (!this.#isFull && this.#waiters.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** How many connections have been closed. */
  get ended(): number {
    return this.#ended;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#isFull = false;
    this.#release(this.#waiters.length);
  }

  #release(most: number): void {
    for (const resolve of this.#waiters.splice(0, most)) resolve();
  }

  /** Measures memory usage and acts on it. The measurement takes some microseconds. */
  look(): void {
    let usage = this.#measure();
    const now = performance.now();
    this.#kept = Math.min(this.#kept, usage.external);
    const isWasteful = this.#isWasteful(usage);
    if (isWasteful) this.#interval = LEAST_COLLECTION_MS;
    if ((usage.excess > 0 || isWasteful) && now >= this.#collectedAt + this.#interval) {
      usage = this.#collect(isWasteful);
    }
    this.#setFull(usage);
    if (!this.#isFull && this.#waiters.length > 0) this.#release(RELEASED_AT_ONCE);
    const isCritical = usage.bytes > CRITICAL_SHARE * usage.limit;
    const interval = isCritical ? CRITICAL_RELIEF_MS : RELIEF_MS;
    if (usage.excess <= 0 || now < this.#actedAt + interval) return;
    this.#actedAt = now;
    this.#relieve(usage.excess + HYSTERESIS * usage.limit);
    // The memory freed now will soon be garbage.
    this.#interval = LEAST_COLLECTION_MS;
    this.#collectedAt = now;
    this.#options.unload();
  }

  /** Whether memory outside the heap has grown a lot since the last collection. */
  #isWasteful({ bytes, external, limit }: MemoryUsage): boolean {
    return bytes > COLLECT_SHARE * limit && external > this.#kept + GARBAGE_SHARE * limit;
  }

  /**
   * Collects garbage. The interval grows while there is little to collect. V8 returns some of the memory
   * a little later.
   */
  #collect(isWasteful: boolean): MemoryUsage {
    collectYoungGarbage();
    let usage = this.#measure();
    if (usage.excess > 0 || this.#isWasteful(usage)) {
      collectGarbage();
      usage = this.#measure();
    }
    this.#kept = usage.external;
    this.#interval = isWasteful
      ? LEAST_COLLECTION_MS
      : Math.min(2 * this.#interval, MOST_COLLECTION_MS);
    this.#collectedAt = performance.now();
    return usage;
  }

  #measure(): MemoryUsage {
    const { limit, share } = this.#options;
    const slack = this.#isFull ? HYSTERESIS : 0;
    const { rss: bytes, external } = process.memoryUsage();
    const { used_heap_size: heap, heap_size_limit: heapLimit } = getHeapStatistics();
    const excess = Math.max(
      bytes - (share - slack) * limit,
      heap - (HEAP_SHARE - slack) * heapLimit,
    );
    return { bytes, limit, heap, heapLimit, external, excess };
  }

  #setFull({ excess, external, ...used }: MemoryUsage): void {
    const isFull = excess > 0 && !this.#isIdle(used.limit);
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    const { logger } = this.#options;
    if (isFull) logger.warn({ ...used, external }, "memory is short, refusing new connections");
    else logger.info({ ...used, external }, "memory is available again, accepting connections");
  }

  #isIdle(limit: number): boolean {
    let held = 0;
    for (const { waiting, documentShare } of this.#options.connections) {
      held += waiting + documentShare;
      if (held > IDLE_SHARE * limit) {
        this.#idleSince = Number.POSITIVE_INFINITY;
        return false;
      }
    }
    const now = performance.now();
    this.#idleSince = Math.min(this.#idleSince, now);
    return now - this.#idleSince > IDLE_MS;
  }

  /** Closes connections that together use this much. */
  #relieve(excess: number): void {
    const { connections, logger } = this.#options;
    const all = Array.from(connections, (connection) => ({
      connection,
      bytes: connection.waiting + connection.documentShare,
    })).filter(({ bytes }) => bytes >= HEAVY_BYTES);
    const byAddress = Map.groupBy(all, ({ connection }) => connection.address);
    const addresses = [...byAddress.values()].map((heavy) => ({
      // Heaviest last.
      heavy: heavy.sort((one, other) => one.bytes - other.bytes),
      bytes: heavy.reduce((sum, { bytes }) => sum + bytes, 0),
    }));
    let ended = 0;
    let freed = 0;
    while (freed < excess && addresses.length > 0) {
      const most = addresses.reduce((a, b) => (b.bytes > a.bytes ? b : a));
      const heaviest = most.heavy.pop();
      if (heaviest === undefined) break;
      most.bytes -= heaviest.bytes;
      freed += heaviest.bytes;
      heaviest.connection.endForMemory("the server is short of memory");
      ended++;
    }
    this.#ended += ended;
    if (ended === 0) return;
    logger.warn({ ended, bytes: freed }, "memory is short, closed the heaviest connections");
  }
}
