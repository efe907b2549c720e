import {
  type AttributeValue,
  CreateTableCommand,
  GetItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { freePort } from "@symphony/services/free-ports";
import { describe, expect, it } from "vitest";
import { createRegistryTable } from "../../src/replication/dynamodb/create-table.ts";
import { RegistryError } from "../../src/replication/registry.ts";
import { waitFor } from "../support/wait-for.ts";
import {
  itemsOf,
  NEVER_MS,
  newTable,
  openServer,
  withClient,
  withEndpoint,
} from "./dynamodb-fixtures.ts";

/** Tests the contents of the table, and what happens if it does not exist. */
export function dynamoDbTableSuite(name: string): void {
  describe(`the registry's table: ${name}`, () => {
    it("can be created repeatedly and concurrently", async () => {
      const create = () => createRegistryTable("set-up");
      await Promise.all(Array.from({ length: 5 }, create));
      const registry = await openServer("set-up", "a:1");
      await registry.hold("room");
      await create();
      expect(await itemsOf("set-up", "room/")).toHaveLength(1);
      await registry.close();
    });

    it("is refused if it belongs to another application", async () => {
      await withClient((client) =>
        client.send(
          new CreateTableCommand({
            TableName: "foreign",
            BillingMode: "PAY_PER_REQUEST",
            AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "S" }],
            KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }],
          }),
        ),
      );
      await expect(createRegistryTable("foreign")).rejects.toThrow(
        /^the DynamoDB table foreign is/,
      );
      await expect(openServer("foreign", "a:1")).rejects.toThrow(
        /^the DynamoDB table foreign is not one of symphony-backend \(.*\); name another in/,
      );
    });

    it("must exist before a server starts", async () => {
      await expect(openServer("missing", "a:1")).rejects.toThrow(
        new RegistryError("the DynamoDB table missing does not exist; run symphony-backend setup"),
      );
    });

    it("must be reachable when a server starts", async () => {
      const port = await freePort();
      const unreachable = new RegistryError(`DynamoDB: connect ECONNREFUSED 127.0.0.1:${port}`);
      await withEndpoint(`http://127.0.0.1:${port}`, async () => {
        await expect(openServer("unreachable", "a:1")).rejects.toThrow(unreachable);
        await expect(createRegistryTable("unreachable")).rejects.toThrow(unreachable);
      });
    });

    it("keeps no items of rooms that no server holds", async () => {
      const table = await newTable();
      const servers = await Promise.all(["a:1", "b:1", "c:1"].map((one) => openServer(table, one)));
      const rooms = Array.from({ length: 20 }, (_, index) => `room-${index}`);
      const each = async (method: "hold" | "release") => {
        await Promise.all(rooms.flatMap((room) => servers.map((server) => server[method](room))));
      };
      await each("hold");
      const items = await itemsOf(table, "room/");
      expect(items.map(({ id }) => id?.S).sort()).toEqual(rooms.map((one) => `room/${one}`).sort());
      for (const { servers } of items) {
        expect([...(servers?.SS ?? [])].sort()).toEqual(["a:1", "b:1", "c:1"]);
      }
      await each("release");
      expect(await itemsOf(table, "room/")).toEqual([]);
      expect(await itemsOf(table, "server/")).toHaveLength(3);
      await Promise.all(servers.map((server) => server.close()));
      expect(await itemsOf(table, "server/")).toEqual([]);
    });

    it("forgets servers that died long ago, and lists them again when they return", async () => {
      const table = await newTable();
      const [a, b] = [await openServer(table, "a:1"), await openServer(table, "b:1", NEVER_MS)];
      await withClient((client) => client.send(lapsedSince(table, "b:1", 50)));
      expect(await a.servers()).toEqual({ alive: ["a:1"], lapsed: ["b:1"] });
      await withClient((client) => client.send(lapsedSince(table, "b:1", 61)));
      expect(await a.servers()).toEqual({ alive: ["a:1"], lapsed: [] });
      expect((await listOf(table))?.servers?.SS).toEqual(["a:1"]);
      await waitFor(() => b.lease === "lapsed", {
        message: "the server has noticed that its lease has expired",
      });
      await b.hold("room");
      expect([...(await a.servers()).alive].sort()).toEqual(["a:1", "b:1"]);
      await Promise.all([a.close(), b.close()]);
      expect((await listOf(table))?.servers).toBeUndefined();
    });
  });
}

/** Returns the item that lists all servers. */
async function listOf(table: string): Promise<Record<string, AttributeValue> | undefined> {
  const { Item } = await withClient((client) =>
    client.send(
      new GetItemCommand({ TableName: table, Key: { id: { S: "servers" } }, ConsistentRead: true }),
    ),
  );
  return Item;
}

/** Sets a server's lease to have expired this many minutes ago. */
function lapsedSince(table: string, server: string, minutes: number): UpdateItemCommand {
  return new UpdateItemCommand({
    TableName: table,
    Key: { id: { S: `server/${server}` } },
    UpdateExpression: "SET #until = :until",
    ExpressionAttributeNames: { "#until": "until" },
    ExpressionAttributeValues: { ":until": { N: String(Date.now() - minutes * 60_000) } },
  });
}
