import type { Logger } from "pino";
import { jitteredAround } from "../runtime/backoff.ts";
import { reasonOf } from "../runtime/reason.ts";
import { Repeater } from "../runtime/repeater.ts";
import { withTimeLimit } from "../runtime/time-limit.ts";
import { type LeaseState, RegistryError } from "./registry.ts";

/** Where the lease of one server is stored. Every call ends within a few seconds. */
export interface LeaseStore {
  /**
   * Writes the lease.
   *
   * @param until when it ends, in milliseconds since the epoch, by the clock of this server
   * @returns how often it has been written. The count begins again at 1 if there was no lease any more.
   * @throws RegistryError
   */
  write(until: number): Promise<number>;

  /**
   * Lists this server among all servers, until its lease is given up. Called after the first write, and after
   * each one that found the lease expired. Absent if a lease is all that it takes to be listed.
   *
   * @throws RegistryError
   */
  enlist?(): Promise<void>;

  /**
   * Deletes the lease only if unchanged: a later renewal belongs to a successor at this address.
   *
   * @param renewals what the last `write` returned
   */
  giveUp(renewals: number, signal: AbortSignal): Promise<void>;
}

export interface LeaseOptions {
  readonly store: LeaseStore;
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number;
  /** How often it is renewed, in milliseconds. */
  readonly renewMs: number;
  readonly logger: Logger;
}

/** The share by which renewals vary either way, so that servers do not renew at the same moment. */
const JITTER = 0.2;
const RETRY_MS = 1_000;
const CLOSE_MS = 2_000;

/** The lease of this server: while it lasts, others consider this server alive. */
export class OwnLease {
  readonly #options: LeaseOptions;
  readonly #listeners: (() => void)[] = [];
  /** When the lease ends. Before the first one, it cannot have expired. */
  #until = Number.POSITIVE_INFINITY;
  #renewals = 0;
  /**
   * Whether this server was listed since it took the lease. Others may remove it once that expires.
   */
  #listed = false;
  #judgesFrom = 0;
  #failure: string | undefined;
  #renewal: Promise<void> | undefined;
  readonly #repeater: Repeater = new Repeater(() => this.#renewAgain());

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether others consider this server alive. */
  get inOrder(): boolean {
    return !this.#repeater.isClosed && Date.now() < this.#until;
  }

  get state(): LeaseState {
    return this.inOrder ? "held" : "lapsed";
  }

  /**
   * Whether another server may be judged by its lease. Whatever kept this server from renewing its
   * own may have kept the others from it too, and they need time to recover.
   */
  get mayJudge(): boolean {
    return this.inOrder && this.#failure === undefined && Date.now() >= this.#judgesFrom;
  }

  /** Why the lease cannot be renewed, or `undefined` if it can. */
  get problem(): string | undefined {
    if (this.#repeater.isClosed || this.#failure !== undefined) return this.#failure;
    return this.inOrder ? undefined : "the lease has expired";
  }

  /** Calls back when the lease had expired and is held again. */
  onRejoined(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Takes the lease, and starts renewing it. @throws RegistryError */
  async start(): Promise<void> {
    await this.renew();
    this.#repeater.startIn(jitteredAround(this.#options.renewMs, JITTER));
  }

  /** Renews it now. @throws RegistryError */
  async renew(): Promise<void> {
    if (this.#repeater.isClosed) throw new RegistryError("the registry is closed");
    this.#renewal ??= this.#write().finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  }

  /** Releases the lease, so that others know that this server is gone. Does not reject. */
  async close(): Promise<void> {
    void this.#repeater.close();
    const { store, logger } = this.#options;
    const late = () => new RegistryError(`the registry did not respond within ${CLOSE_MS} ms`);
    try {
      await withTimeLimit(CLOSE_MS, late, async (signal) => {
        // A pending renewal would write the lease again.
        await Promise.allSettled([this.#renewal]);
        await store.giveUp(this.#renewals, signal);
      });
    } catch (error) {
      logger.info({ err: error }, "releasing the lease failed, it will expire by itself");
    }
  }

  /** @returns the pause before the next renewal, in milliseconds */
  async #renewAgain(): Promise<number> {
    const { renewMs, logger } = this.#options;
    try {
      await this.renew();
      return jitteredAround(renewMs, JITTER);
    } catch (error) {
      if (this.#repeater.isClosed) return renewMs;
      if (this.#failure === undefined) {
        logger.error({ err: error }, "renewing the lease failed, retrying");
      }
      this.#failure = reasonOf(error);
      return jitteredAround(Math.min(renewMs, RETRY_MS), JITTER);
    }
  }

  async #write(): Promise<void> {
    const { store, leaseMs } = this.#options;
    const until = Date.now() + leaseMs;
    this.#renewed(until, await store.write(until));
    if (this.#listed) return;
    await store.enlist?.();
    this.#listed = true;
  }

  /** @param renewals the stored count: if it did not grow, the lease was gone in the meantime */
  #renewed(until: number, renewals: number): void {
    const { leaseMs, logger } = this.#options;
    const now = Date.now();
    const lapsed = now >= this.#until || renewals <= this.#renewals;
    this.#until = until;
    this.#renewals = renewals;
    if (lapsed) this.#listed = false;
    if (lapsed || this.#failure !== undefined) this.#judgesFrom = now + leaseMs;
    if (this.#failure !== undefined) logger.info("renewing the lease works again");
    this.#failure = undefined;
    // This server may have been frozen while the response was on its way. Then the new lease has
    // expired as well, and the next renewal counts.
    if (lapsed && this.inOrder) this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.error(
          { err: error },
          "a listener failed after the lease was regained",
        );
      }
    }
  }
}
