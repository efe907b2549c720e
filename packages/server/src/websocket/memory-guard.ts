import { getHeapStatistics } from "node:v8";
import type { Logger } from "pino";
import { collectGarbage, collectYoungGarbage } from "../runtime/collect-garbage.ts";

const LOOK_MS = 100;
/** From the share at which the guard acts to the one at which it stops: what keeps it from flapping. */
const HYSTERESIS = 0.08;
/** The heap of JavaScript has a limit of its own, at which the process ends. */
const HEAP_SHARE = 0.85;
/** Whoever takes less is not worth ending. */
const HEAVY_BYTES = 256 * 1024;
/** How long what was ended has to be given back before others are ended. */
const RELIEF_MS = 2_000;
/** Above this share of the limit nobody waits for that. */
const CRITICAL_SHARE = 0.86;
const CRITICAL_RELIEF_MS = 300;

/**
 * When clients hold less than this share of the limit, for so long, what is resident is what the
 * allocator keeps. It is used again before there is more, and nobody is refused because of it.
 */
const IDLE_SHARE = 0.05;
const IDLE_MS = 3_000;
/** From this share of the limit on, garbage outside the heap is not left to V8, which takes its time. */
const COLLECT_SHARE = 0.4;
/** There is so much of it, as a share of the limit, when it is collected. */
const GARBAGE_SHARE = 1 / 24;
/** Between two collections of garbage, each of which takes some tens of milliseconds. */
const LEAST_COLLECTION_MS = 200;
const MOST_COLLECTION_MS = 5_000;
/** So many of those who waited for memory go on with each look: together they would use it up again. */
const RELEASED_AT_ONCE = 3;

interface Usage {
  /** What is resident. */
  readonly bytes: number;
  readonly limit: number;
  readonly heap: number;
  readonly heapLimit: number;
  /** What is outside the heap, buffers above all. */
  readonly external: number;
  /** How much of it is too much; not more than 0 when all is well. */
  readonly excess: number;
}

/** A connection, as it is weighed. */
export interface Weighed {
  readonly address: string;
  /** What waits for its client, or came from it and is not done, in bytes. */
  readonly waiting: number;
  /** Its share of the document that it has open. */
  readonly documentShare: number;
  /** Ends it at once. */
  endForMemory(reason: string): void;
}

export interface MemoryGuardOptions {
  /** What the process may use, in bytes. */
  readonly limit: number;
  /** The share of the limit from which on the guard acts. */
  readonly share: number;
  readonly connections: ReadonlySet<Weighed>;
  readonly logger: Logger;
  /** Lets documents go that nobody has open. */
  readonly unload: () => void;
}

/**
 * Keeps clients from using up the memory of the process. Above a share of the limit, new connections
 * are refused, and the heaviest ones are ended: of the address that takes most the one that takes
 * most, until as much is set free as is too much.
 */
export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  readonly #timer: NodeJS.Timeout;
  #isFull = false;
  /** One for each connection at most: it is not read while it waits. */
  readonly #waiters: (() => void)[] = [];
  #actedAt = Number.NEGATIVE_INFINITY;
  #interval = LEAST_COLLECTION_MS;
  #collectedAt = Number.NEGATIVE_INFINITY;
  /** What was outside the heap after the last collection. */
  #kept = 0;
  /** Since when clients have held next to nothing; `Infinity` while they hold something. */
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

  /** Whether nothing more should be begun. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Resolves when `isFull` has ended, for a few at a time. It does not reject. */
  whenNotFull(): Promise<void> {
    if (!this.#isFull && this.#waiters.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** How many connections have been ended. */
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

  /** Finds out how much is used, and acts. It costs some microseconds. */
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
    // What is set free now is garbage soon.
    this.#interval = LEAST_COLLECTION_MS;
    this.#collectedAt = now;
    this.#options.unload();
  }

  /** Whether much is kept outside the heap that was not kept after the last collection. */
  #isWasteful({ bytes, external, limit }: Usage): boolean {
    return bytes > COLLECT_SHARE * limit && external > this.#kept + GARBAGE_SHARE * limit;
  }

  /** Where there is no garbage, the pauses become longer. V8 gives back some of it a little later. */
  #collect(isWasteful: boolean): Usage {
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

  #measure(): Usage {
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

  #setFull({ excess, external, ...used }: Usage): void {
    const isFull = excess > 0 && !this.#isIdle(used.limit);
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    const { logger } = this.#options;
    if (isFull) logger.warn({ ...used, external }, "memory is short; new connections are refused");
    else logger.info({ ...used, external }, "there is memory again; connections are taken");
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

  /** Ends connections that together take this much. */
  #relieve(excess: number): void {
    const { connections, logger } = this.#options;
    const all = Array.from(connections, (connection) => ({
      connection,
      bytes: connection.waiting + connection.documentShare,
    })).filter(({ bytes }) => bytes >= HEAVY_BYTES);
    const byAddress = Map.groupBy(all, ({ connection }) => connection.address);
    const addresses = [...byAddress.values()].map((heavy) => ({
      // The heaviest one is the last.
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
    logger.warn({ ended, bytes: freed }, "memory is short; the heaviest connections were ended");
  }
}
