import type { Logger } from "pino";
import { within } from "../runtime/within.ts";
import { withoutRepeats } from "../runtime/without-repeats.ts";
import type { Outbox, OutboxClaim, OutboxKind } from "../storage/outbox.ts";
import { GoneError } from "./receiver.ts";
import type { DeliveryStats } from "./webhook-stats.ts";

export interface OutboxDispatcherOptions {
  readonly kind: OutboxKind;
  /** The address of this server. */
  readonly server: string;
  readonly outbox: Pick<Outbox, "claim" | "settle" | "postpone" | "pending">;
  /**
   * Tells what there is to tell; gives whether there was anything. Called again when it rejects: with growing pauses, for three days; not
   * when it rejects with GoneError. It must not send anything once `signal` has aborted.
   */
  readonly tell: (claim: OutboxClaim, signal: AbortSignal) => Promise<boolean>;
  /** It was not told, and is given up. A rejection is logged. */
  readonly giveUp?: (claim: OutboxClaim) => Promise<void>;
  /** How often it is looked for what is due, in milliseconds. */
  readonly interval: number;
  /** How long telling may take. */
  readonly timeout: number;
  readonly stats: DeliveryStats;
  readonly logger: Logger;
}

/** Tells at a time; a receiver must stand that from every server. */
const AT_ONCE = 8;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 5 * 60_000;
const GIVE_UP_MS = 3 * 24 * 60 * 60_000;
/** Also when it waited for so long because no server ran. */
const LEAST_ATTEMPTS = 10;
/** A receiver that is down does not fill the log. */
const LOUD_ATTEMPTS = 3;
/** A claim lasts longer than telling may take, so that two servers do not tell the same. */
const CLAIM_RESERVE_MS = 15_000;
/** After the outbox could not be read. */
const OUTAGE_MS = 5_000;
const COUNT_MS = 10_000;
/** How long what is being told may still take when the server ends. */
const GOODBYE_MS = 2_000;

/** Tells what is due in the outbox, whichever server has marked it. */
export class OutboxDispatcher {
  readonly #options: OutboxDispatcherOptions;
  readonly #running: Set<Promise<void>> = new Set();
  readonly #closing: AbortController = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #mayBeMore = false;
  #failing = false;
  #countAt = 0;
  #stopped = false;

  constructor(options: OutboxDispatcherOptions) {
    // A receiver that is down fails each room's.
    this.#options = { ...options, logger: withoutRepeats(options.logger) };
    this.#lookIn(options.interval);
  }

  /** Claims nothing more; what is under way goes on. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Looks once more for what is due, and closes. Does not reject. */
  async finish(): Promise<void> {
    this.stop();
    await this.#looking;
    await this.#look();
    await this.close();
  }

  /** Waits some seconds for what is under way. What is not told then is for others. Does not reject. */
  async close(): Promise<void> {
    this.stop();
    await this.#looking;
    if (!(await within(GOODBYE_MS, Promise.all(this.#running)))) this.#closing.abort();
    await Promise.all(this.#running);
  }

  #lookIn(delay: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        this.#looking = undefined;
        this.#lookIn(this.#failing ? OUTAGE_MS : this.#jittered(this.#options.interval));
      });
    }, delay);
  }

  async #look(): Promise<void> {
    const { outbox, kind, server, timeout, logger } = this.#options;
    const limit = AT_ONCE - this.#running.size;
    if (limit === 0) return;
    const now = Date.now();
    try {
      if (now >= this.#countAt) await this.#count(now);
      const until = now + timeout + CLAIM_RESERVE_MS;
      const claims = await outbox.claim(kind, { by: server, now, until, limit });
      this.#mayBeMore = claims.length === limit;
      this.#failing = false;
      for (const claim of claims) this.#begin(claim, until);
    } catch (error) {
      if (!this.#failing) logger.warn({ err: error, kind }, "notifications cannot be read");
      this.#failing = true;
    }
  }

  async #count(now: number): Promise<void> {
    this.#countAt = now + COUNT_MS;
    this.#options.stats.pending = await this.#options.outbox.pending(this.#options.kind);
  }

  #begin(claim: OutboxClaim, until: number): void {
    const running = this.#deliver(claim, until).finally(() => {
      this.#running.delete(running);
      if (this.#mayBeMore && this.#looking === undefined) this.#lookIn(0);
    });
    this.#running.add(running);
  }

  /** Does not reject. */
  async #deliver(claim: OutboxClaim, until: number): Promise<void> {
    const { outbox, kind, stats, logger } = this.#options;
    const { key } = claim;
    try {
      const result = await this.#tell(claim, until);
      if (typeof result === "boolean") {
        if (result) stats.delivered++;
        await outbox.settle(claim);
      } else if (this.#closing.signal.aborted) {
        await outbox.postpone(claim, Date.now());
      } else if (isHopeless(claim, result)) {
        stats.givenUp++;
        logger.error({ kind, key, err: result }, "a notification is given up");
        await this.#options.giveUp?.(claim);
        await outbox.settle(claim);
      } else {
        stats.failures++;
        const { attempts } = claim;
        const level = attempts <= LOUD_ATTEMPTS ? "warn" : "debug";
        logger[level]({ kind, key, attempts, err: result }, "a notification was not delivered");
        await outbox.postpone(claim, Date.now() + this.#backoff(attempts));
      }
    } catch (error) {
      // The claim ends by itself, and then it is told once more.
      logger.warn({ kind, key, err: error }, "what became of a notification cannot be written");
    }
  }

  /** @returns whether there was anything to tell, or why it was not told */
  async #tell(claim: OutboxClaim, until: number): Promise<boolean | Error> {
    const limit = AbortSignal.timeout(Math.max(0, until - CLAIM_RESERVE_MS - Date.now()));
    const signal = AbortSignal.any([limit, this.#closing.signal]);
    try {
      return await Promise.race([this.#options.tell(claim, signal), rejectOnAbort(signal)]);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #backoff(attempts: number): number {
    return this.#jittered(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (attempts - 1)));
  }

  /** Servers that began together do not go on together. */
  #jittered(ms: number): number {
    return ms * (0.5 + Math.random() / 2);
  }
}

function isHopeless({ attempts, first }: OutboxClaim, failure: Error): boolean {
  if (failure instanceof GoneError) return true;
  return attempts >= LEAST_ATTEMPTS && Date.now() - first > GIVE_UP_MS;
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new Error("it took too long", { cause: signal.reason }));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
