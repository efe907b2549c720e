import { randomUUID } from "node:crypto";
import {
  type AttributeValue,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { ServerAddress } from "../registry.ts";
import { conditionHeld } from "./errors.ts";

/** The key of an item. */
type Key = Record<string, AttributeValue>;

/** The servers in a set, at one moment. */
export interface Membership {
  readonly servers: readonly ServerAddress[];
  /** Tells that moment from those when others added themselves. */
  readonly hold: string;
}

/** Sets of servers: those that hold a room, for each room, and all there are. */
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

  /** Takes a server out, without a condition. Usually it was alone, and that is one request. */
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
    // The last two left at the same time: what is left of the item must not stay for ever.
    await this.#delete(key, "attribute_not_exists(servers)", undefined, signal);
  }

  /**
   * Takes servers out that were found dead after `membership` was read. When anybody has added
   * itself since, nothing is done: it may be one of them, started again. Who was last to add itself
   * meets the dead as well, so somebody removes them.
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
