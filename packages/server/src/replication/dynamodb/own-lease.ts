import {
  DeleteItemCommand,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { Logger } from "pino";
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
  /** Where the server is named as long as it was not closed. */
  readonly list: ServerList;
  readonly logger: Logger;
}

const RETRY_MS = 1_000;
const CLOSE_MS = 2_000;
/** DynamoDB may forget a server that was gone for so long. */
const FORGET_MS = 24 * 60 * 60 * 1_000;

/** The lease of this server: as long as it lasts, others take this server for alive. */
export class OwnLease {
  readonly #options: LeaseOptions;
  readonly #listeners: (() => void)[] = [];
  /** When it ends. Before there was one, it cannot have lapsed. */
  #until = Number.POSITIVE_INFINITY;
  #renewals = 0;
  /** Whether it was listed since the lease was taken. Others may take out whose lease has lapsed. */
  #listed = false;
  #judgesFrom = 0;
  #failure: string | undefined;
  #renewal: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether others take this server for alive. */
  get inOrder(): boolean {
    return !this.#closed && Date.now() < this.#until;
  }

  get state(): LeaseState {
    return this.inOrder ? "held" : "lapsed";
  }

  /**
   * Whether the lease of another can be held against it. What kept this server from renewing its own
   * kept the others too, and they need some time.
   */
  get mayJudge(): boolean {
    return this.inOrder && this.#failure === undefined && Date.now() >= this.#judgesFrom;
  }

  /** Why it cannot be renewed, or `undefined` when it can. */
  get problem(): string | undefined {
    if (this.#closed || this.#failure !== undefined) return this.#failure;
    return this.inOrder ? undefined : "the lease has lapsed";
  }

  /** Calls back when it had lapsed and is in order again. */
  onRejoined(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Takes the lease, and renews it from then on. @throws RegistryError */
  async start(): Promise<void> {
    await this.renew();
    this.#renewIn(this.#options.renewMs);
  }

  /** Renews it now. @throws RegistryError */
  async renew(): Promise<void> {
    if (this.#closed) throw new RegistryError("the registry is closed");
    this.#renewal ??= this.#write().finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
  }

  /** Gives it up, so that this server is known to be gone. Does not reject. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const { table, logger } = this.#options;
    try {
      await bounded(table, CLOSE_MS, async (signal) => {
        // A renewal that is under way would bring it back.
        await Promise.allSettled([this.#renewal]);
        await this.#delete(signal);
        // Takes this server out of the list, as one without a lease.
        await this.#options.list.read(signal);
      });
    } catch (error) {
      logger.info({ err: error }, "the lease could not be given up; it lapses by itself");
    }
  }

  /** Not for all servers at the same moment: with up to a fifth less or more. */
  #renewIn(delay: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#renewAndGoOn(), delay * (0.8 + Math.random() * 0.4));
  }

  async #renewAndGoOn(): Promise<void> {
    const { renewMs, logger } = this.#options;
    try {
      await this.renew();
      this.#renewIn(renewMs);
    } catch (error) {
      if (this.#closed) return;
      if (this.#failure === undefined) {
        logger.error({ err: error }, "the lease cannot be renewed; trying again");
      }
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#renewIn(Math.min(renewMs, RETRY_MS));
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

  /** @param renewals as stored: when it did not grow, the lease had been removed meanwhile */
  #renewed(until: number, renewals: number): void {
    const { leaseMs, logger } = this.#options;
    const now = Date.now();
    const lapsed = now >= this.#until || renewals <= this.#renewals;
    this.#until = until;
    this.#renewals = renewals;
    if (lapsed) this.#listed = false;
    if (lapsed || this.#failure !== undefined) this.#judgesFrom = now + leaseMs;
    if (this.#failure !== undefined) logger.info("the lease can be renewed again");
    this.#failure = undefined;
    // This server may have been frozen while the answer was under way: then the new one has lapsed
    // as well, and it is the next renewal that counts.
    if (lapsed && this.inOrder) this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.logger.error({ err: error }, "a listener failed when the lease was regained");
      }
    }
  }

  /** Only as this server left it: if there is a later one, the address belongs to its successor. */
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
