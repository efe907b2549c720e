import { randomUUID } from "node:crypto";
import {
  DeleteItemCommand,
  type DynamoDBClient,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import type { ServerAddress } from "../registry.ts";
import { conditionHeld } from "./errors.ts";
import { roomKey } from "./items.ts";

/** The holders of a room, at the moment when a server had added itself. */
export interface Membership {
  readonly servers: readonly ServerAddress[];
  /** Tells that moment from those when others added themselves. */
  readonly hold: string;
}

/** The sets of the servers that hold each room. */
export class Rooms {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async add(room: string, server: ServerAddress, signal: AbortSignal): Promise<Membership> {
    const hold = randomUUID();
    const { Attributes } = await this.#client.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: roomKey(room),
        UpdateExpression: "ADD servers :server SET lastHold = :hold",
        ExpressionAttributeValues: { ":server": { SS: [server] }, ":hold": { S: hold } },
        ReturnValues: "ALL_NEW",
      }),
      { abortSignal: signal },
    );
    return { servers: Attributes?.servers?.SS ?? [], hold };
  }

  /** Takes a server out that has let the room go. Usually it was alone, and that is one request. */
  async remove(room: string, server: ServerAddress, signal: AbortSignal): Promise<void> {
    const only = { ":server": { SS: [server] } };
    if (await this.#delete(room, "servers = :server", only, signal)) return;
    const { Attributes } = await this.#client.send(
      new UpdateItemCommand({
        TableName: this.#table,
        Key: roomKey(room),
        UpdateExpression: "DELETE servers :server",
        ExpressionAttributeValues: only,
        ReturnValues: "ALL_NEW",
      }),
      { abortSignal: signal },
    );
    if (Attributes?.servers !== undefined) return;
    // The last two left at the same time: what is left of the item must not stay for ever.
    await this.#delete(room, "attribute_not_exists(servers)", undefined, signal);
  }

  /**
   * Takes servers out that were found dead after `membership` was read. When anybody has added
   * itself since, nothing is done: it may be one of them, started again. Who was last to add itself
   * meets the dead as well, so somebody removes them.
   */
  async removeDead(
    room: string,
    servers: readonly ServerAddress[],
    membership: Membership,
    signal: AbortSignal,
  ): Promise<void> {
    await conditionHeld(
      this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: roomKey(room),
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
    room: string,
    condition: string,
    values: Record<string, { SS: string[] }> | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    return conditionHeld(
      this.#client.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: roomKey(room),
          ConditionExpression: condition,
          ExpressionAttributeValues: values,
        }),
        { abortSignal: signal },
      ),
    );
  }
}
