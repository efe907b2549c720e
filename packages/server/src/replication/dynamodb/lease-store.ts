import {
  DeleteItemCommand,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { LeaseStore } from "../own-lease.ts";
import type { Incarnation, ServerAddress } from "../registry.ts";
import { bounded, OPERATION_MS } from "./bounded.ts";
import { serverKey } from "./items.ts";
import type { ServerList } from "./server-list.ts";

export interface DynamoLeaseOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly address: ServerAddress;
  readonly incarnation: Incarnation;
  /** Lists the server until it is closed. */
  readonly list: ServerList;
}

/** DynamoDB may remove the item of a server that has been gone for this long. */
const FORGET_MS = 24 * 60 * 60 * 1_000;

/** The lease of a server as an item of the table. */
export class DynamoLeaseStore implements LeaseStore {
  readonly #options: DynamoLeaseOptions;

  constructor(options: DynamoLeaseOptions) {
    this.#options = options;
  }

  async write(until: number): Promise<number> {
    const { client, table, address, incarnation } = this.#options;
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
    return Number(Attributes?.renewals?.N);
  }

  async enlist(): Promise<void> {
    const { table, address, list } = this.#options;
    await bounded(table, OPERATION_MS, (signal) => list.add(address, signal));
  }

  async giveUp(renewals: number, signal: AbortSignal): Promise<void> {
    const { client, table, address, list } = this.#options;
    await client.send(
      new DeleteItemCommand({
        TableName: table,
        Key: serverKey(address),
        ConditionExpression: "renewals = :renewals",
        ExpressionAttributeValues: { ":renewals": { N: String(renewals) } },
      }),
      { abortSignal: signal },
    );
    // Reading the list removes this server from it, because it no longer has a lease.
    await list.read(signal);
  }
}
