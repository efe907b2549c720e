import {
  DeleteItemCommand,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Logger } from "pino";
import { jitteredAround } from "../../runtime/backoff.ts";
import { reasonOf } from "../../runtime/reason.ts";
import { Repeater } from "../../runtime/repeater.ts";
import {
  type Incarnation,
  type LeaseState,
  RegistryError,
  type ServerAddress,
} from "../registry.ts";
import { bounded, OPERATION_MS } from "./bounded.ts";
import { serverKey } from "./items.ts";
import type { ServerList } from "./server-list.ts";

export interface LeaseOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly address: ServerAddress;
  readonly incarnation: Incarnation;
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number;
  /** How often it is renewed, in milliseconds. */
  readonly renewMs: number;
  /** Lists the server until it is closed. */
  readonly list: ServerList;
  readonly logger: Logger;
}

/** The share by which renewals vary either way, so that servers do not renew at the same moment. */
const JITTER = 0.2;
const RETRY_MS = 1_000;
const CLOSE_MS = 2_000;
/** DynamoDB may remove the item of a server that has been gone for this long. */
const FORGET_MS = 24 * 60 * 60 * 1_000;

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
    const { table, logger } = this.#options;
    try {
      await bounded(table, CLOSE_MS, async (signal) => {
        // A pending renewal would write the lease again.
        await Promise.allSettled([this.#renewal]);
        await this.#delete(signal);
        // Reading the list removes this server from it, because it no longer has a lease.
        await this.#options.list.read(signal);
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
    const { client, table, address, incarnation, leaseMs, list } = this.#options;
    const until = Date.now() + leaseMs;
    const { Attributes } = await bounded(table, OPERATION_MS, (signal) =>
      client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: serverKey(address),
          UpdateExpression:
            "SET #until = :until, expires = :expires, incarnation = :incarnation ADD renewals :one",
          ExpressionAttributeNames: { "#until": "until" },
          ExpressionAttributeValues: {
            ":until": { N: String(until) },
            ":expires": { N: String(Math.ceil((until + FORGET_MS) / 1_000)) },
            ":incarnation": { N: String(incarnation) },
            ":one": { N: "1" },
          },
          ReturnValues: "UPDATED_NEW",
        }),
        { abortSignal: signal },
      ),
    );
    this.#renewed(until, Number(Attributes?.renewals?.N));
    if (this.#listed) return;
    await bounded(table, OPERATION_MS, (signal) => list.add(address, signal));
    this.#listed = true;
  }

  /** @param renewals the stored count: if it did not grow, the lease was removed in the meantime */
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

  /**
   * Deletes the lease only if unchanged: a later renewal belongs to a successor at this address.
   */
  async #delete(signal: AbortSignal): Promise<void> {
    const { client, table, address } = this.#options;
    await client.send(
      new DeleteItemCommand({
        TableName: table,
        Key: serverKey(address),
        ConditionExpression: "renewals = :renewals",
        ExpressionAttributeValues: { ":renewals": { N: String(this.#renewals) } },
      }),
      { abortSignal: signal },
    );
  }
}
