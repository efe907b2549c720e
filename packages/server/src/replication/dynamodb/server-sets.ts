import { randomUUID } from "node:crypto";
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { ServerAddress } from "../registry.ts";
import { conditionHeld } from "./dynamodb-errors.ts";

/** The key of an item. */
type Key = Record<string, AttributeValue>;

/** The servers in a set at one moment. */
export interface Membership {
  readonly servers: readonly ServerAddress[];
  /** Changes each time a server adds itself. */
  readonly hold: string;
}

/** Sets of servers: the holders of each room, and all servers. */
export class ServerSets {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async add(key: Key, server: ServerAddress, signal: AbortSignal): Promise<Membership> {
    const hold = randomUUID();
    const { Attributes } = await this.#client.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: key,
        UpdateExpression: "ADD servers :server SET lastHold = :hold",
        ExpressionAttributeValues: { ":server": { SS: [server] }, ":hold": { S: hold } },
        ReturnValues: "ALL_NEW",
      }),
      { abortSignal: signal },
    );
    return { servers: Attributes?.servers?.SS ?? [], hold };
  }

  async read(key: Key, signal: AbortSignal): Promise<Membership> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: key, ConsistentRead: true }),
      { abortSignal: signal },
    );
    return { servers: Item?.servers?.SS ?? [], hold: Item?.lastHold?.S ?? "" };
  }

  /** Removes a server unconditionally. Usually it was the only one, which takes one request. */
  async remove(key: Key, server: ServerAddress, signal: AbortSignal): Promise<void> {
    const only = { ":server": { SS: [server] } };
    if (await this.#delete(key, "servers = :server", only, signal)) return;
    const { Attributes } = await this.#client.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: key,
        UpdateExpression: "DELETE servers :server",
        ExpressionAttributeValues: only,
        ReturnValues: "ALL_NEW",
      }),
      { abortSignal: signal },
    );
    if (Attributes?.servers !== undefined) return;
    // The last two left at the same time: delete the remains of the item.
    await this.#delete(key, "attribute_not_exists(servers)", undefined, signal);
  }

  /**
   * Removes servers that were found dead after `membership` was read. Does nothing if any server
   * has added itself since: it may be one of them, restarted. The last server to add itself comes
   * across the dead ones too, so they are removed eventually.
   */
  async removeDead(
    key: Key,
    servers: readonly ServerAddress[],
    membership: Membership,
    signal: AbortSignal,
  ): Promise<void> {
    await conditionHeld(
      this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: key,
          UpdateExpression: "DELETE servers :dead",
          ConditionExpression: "lastHold = :hold",
          ExpressionAttributeValues: {
            ":dead": { SS: [...servers] },
            ":hold": { S: membership.hold },
          },
        }),
        { abortSignal: signal },
      ),
    );
  }

  /** Returns whether the condition held. */
  #delete(
    key: Key,
    condition: string,
    values: Record<string, { SS: string[] }> | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    return conditionHeld(
      this.#client.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: key,
          ConditionExpression: condition,
          ExpressionAttributeValues: values,
        }),
        { abortSignal: signal },
      ),
    );
  }
}
