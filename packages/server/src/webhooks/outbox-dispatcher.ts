import type { Logger } from "pino";
import { type BackoffBounds, backoff, jittered } from "../runtime/backoff.ts";
import { toError } from "../runtime/reason.ts";
import { Repeater } from "../runtime/repeater.ts";
import { within } from "../runtime/time-limit.ts";
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
   * Delivers the claim. Resolves to false if nothing was pending. If it rejects, it is called again with
   * growing pauses, for three days; not if it rejects with GoneError. It must not send anything once
   * `signal` has aborted.
   */
  readonly tell: (claim: OutboxClaim, signal: AbortSignal) => Promise<boolean>;
  /** Called when delivery of a claim is abandoned. A rejection is logged. */
  readonly giveUp?: (claim: OutboxClaim) => Promise<void>;
  /** How often to check for due notifications, in milliseconds. */
  readonly interval: number;
  /** How long a delivery may take, in milliseconds. */
  readonly timeout: number;
  readonly stats: DeliveryStats;
  readonly logger: Logger;
}

/** Concurrent deliveries. A receiver must handle this many from every server. */
const AT_ONCE = 8;
const RETRY: BackoffBounds = { first: 1_000, longest: 5 * 60_000 };
const GIVE_UP_MS = 3 * 24 * 60 * 60_000;
/** Minimum attempts before giving up, even if most of that time passed while no server was running. */
const LEAST_ATTEMPTS = 10;
/** Later failures are logged at debug level, so that a receiver that is down does not flood the log. */
const LOUD_ATTEMPTS = 3;
/** A claim outlasts the delivery timeout by this much, so that two servers do not deliver the same. */
const CLAIM_RESERVE_MS = 15_000;
/** Pause after the outbox could not be read. */
const OUTAGE_MS = 5_000;
const COUNT_MS = 10_000;
/** How long deliveries in progress may still take when the server stops. */
const GOODBYE_MS = 2_000;

/** Delivers due notifications from the outbox, whichever server has marked them. */
export class OutboxDispatcher {
  readonly #options: OutboxDispatcherOptions;
  readonly #running: Set<Promise<void>> = new Set();
  readonly #closing: AbortController = new AbortController();
  readonly #looks: Repeater;
  #mayBeMore = false;
  #failing = false;
  #countAt = 0;

  constructor(options: OutboxDispatcherOptions) {
    // While a receiver is down, the notifications of every room fail in the same way.
    this.#options = { ...options, logger: withoutRepeats(options.logger) };
    this.#looks = new Repeater(async () => {
      await this.#look();
      if (this.#failing) return OUTAGE_MS;
      // More may have become due while all deliveries were running.
      if (this.#mayBeMore && this.#running.size < AT_ONCE) return 0;
      // Servers that started together drift apart.
      return jittered(options.interval);
    });
    this.#looks.startIn(options.interval);
  }

  /** Stops claiming. Deliveries in progress continue. */
  stop(): void {
    void this.#looks.close();
  }

  /** Checks once more for due notifications, then closes. Does not reject. */
  async finish(): Promise<void> {
    await this.#looks.close();
    await this.#look();
    await this.close();
  }

  /** Waits a few seconds for deliveries in progress, then leaves the rest to others. Does not reject. */
  async close(): Promise<void> {
    await this.#looks.close();
    if (!(await within(GOODBYE_MS, Promise.all(this.#running)))) this.#closing.abort();
    await Promise.all(this.#running);
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
      if (!this.#failing)
        logger.warn({ err: error, kind }, "reading notifications failed, retrying");
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
      if (this.#mayBeMore) this.#looks.startIn(0);
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
        logger.error({ kind, key, err: result }, "notification abandoned");
        await this.#options.giveUp?.(claim);
        await outbox.settle(claim);
      } else {
        stats.failures++;
        const { attempts } = claim;
        const level = attempts <= LOUD_ATTEMPTS ? "warn" : "debug";
        logger[level]({ kind, key, attempts, err: result }, "notification failed, retrying");
        await outbox.postpone(claim, Date.now() + backoff(attempts, RETRY));
      }
    } catch (error) {
      // The claim expires by itself; the notification is then delivered again.
      logger.warn({ kind, key, err: error }, "recording the result of a notification failed");
    }
  }

  /** @returns whether anything was pending, or the error that prevented delivery */
  async #tell(claim: OutboxClaim, until: number): Promise<boolean | Error> {
    const limit = AbortSignal.timeout(Math.max(0, until - CLAIM_RESERVE_MS - Date.now()));
    const signal = AbortSignal.any([limit, this.#closing.signal]);
    try {
      return await Promise.race([this.#options.tell(claim, signal), rejectOnAbort(signal)]);
    } catch (error) {
      return toError(error);
    }
  }
}

function isHopeless({ attempts, first }: OutboxClaim, failure: Error): boolean {
  if (failure instanceof GoneError) return true;
  return attempts >= LEAST_ATTEMPTS && Date.now() - first > GIVE_UP_MS;
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(new Error("delivery took too long", { cause: signal.reason }));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
