import { DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { waitFor } from "../support/wait-for.ts";
import { itemsOf, NEVER_MS, useServers, withClient } from "./dynamodb-fixtures.ts";
import type { DynamoDbProxy, ProxiedReply } from "./dynamodb-proxy.ts";

/** Tests which requests the registry makes, and how it handles rare responses. */
export function dynamoDbRequestsSuite(name: string): void {
  describe(`the registry's requests: ${name}`, () => {
    const servers = useServers();

    it("are two writes and no reads over a document's life on a server", async () => {
      const registry = await servers.openProxied("a:1");
      await registry.hold("room");
      await registry.release("room");
      expect(servers.proxy.operationsOn("room/room")).toEqual(["UpdateItem", "DeleteItem"]);
      const operations = new Set(servers.proxy.requests.map(({ operation }) => operation));
      expect([...operations].sort()).toEqual(["DeleteItem", "UpdateItem"]);
    });

    it("read the leases once for all rooms that are opened within a second", async () => {
      const other = await servers.open("b:1");
      const rooms = Array.from({ length: 10 }, (_, index) => `room-${index}`);
      await Promise.all(rooms.map((room) => other.hold(room)));
      const registry = await servers.openProxied("a:1");
      for (const room of rooms) expect((await registry.hold(room)).alive).toEqual(["b:1"]);
      // The machine may be so busy that more than one second passes.
      expect(servers.proxy.operationsOn("server/b:1").length).toBeLessThan(rooms.length / 2);
      expect(servers.proxy.operationsOn("room/room-0")).toEqual(["UpdateItem"]);
    });

    it("keep a server in the room if it returns while its old lease is judged", async () => {
      const registry = await servers.openProxied("a:1");
      const old = await servers.open("back:1");
      await old.hold("room");
      await old.close();
      // The response that reports it dead arrives late.
      const leases = holdBack(servers.proxy, "BatchGetItem");
      const holding = registry.hold("room");
      await waitFor(() => leases.given, { message: "the lease has been read" });
      const back = await servers.open("back:1");
      await back.hold("room");
      leases.arrive();
      expect(await holding).toEqual({ alive: [], lapsed: ["back:1"] });
      expect(servers.proxy.operationsOn("room/room")).toEqual(["UpdateItem", "UpdateItem"]);
      expect(await registry.hold("room")).toEqual({ alive: ["back:1"], lapsed: [] });
    });

    it("never scan the table to find servers, and keep one that returns while the leases are read", async () => {
      const registry = await servers.openProxied("a:1");
      await servers.open("back:1", NEVER_MS);
      await withClient((client) =>
        client.send(
          new DeleteItemCommand({ TableName: servers.table, Key: { id: { S: "server/back:1" } } }),
        ),
      );
      const leases = holdBack(servers.proxy, "BatchGetItem");
      servers.proxy.requests.splice(0);
      const found = registry.servers();
      await waitFor(() => leases.given, { message: "the leases have been read" });
      await servers.open("back:1");
      leases.arrive();
      expect(await found).toEqual({ alive: ["a:1"], lapsed: [] });
      expect([...(await registry.servers()).alive].sort()).toEqual(["a:1", "back:1"]);
      const reads = new Set(servers.proxy.requests.map(({ operation }) => operation));
      reads.delete("UpdateItem");
      expect([...reads].sort()).toEqual(["BatchGetItem", "GetItem"]);
    });

    it("ask again for leases that DynamoDB has left unprocessed", async () => {
      const registry = await servers.openProxied("a:1");
      await (await servers.open("b:1")).hold("room");
      let left = 0;
      servers.proxy.handler = async ({ operation, body }, forward) => {
        if (operation !== "BatchGetItem" || left > 0) return forward();
        left += 1;
        const { RequestItems } = JSON.parse(body) as { RequestItems: object };
        return { status: 200, body: JSON.stringify({ UnprocessedKeys: RequestItems }) };
      };
      expect(await registry.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
      expect(left).toBe(1);
    });

    it.each<[string, ProxiedReply | Promise<never>]>([
      ["throttles them", THROTTLED],
      ["fails internally", { status: 500, body: "" }],
      ["does not respond", new Promise<never>(() => {})],
    ])("are retried when DynamoDB %s", async (_, failure) => {
      const registry = await servers.openProxied("a:1");
      let failed = 0;
      servers.proxy.handler = async ({ body }, forward) => {
        if (!body.includes("room/room") || failed > 0) return forward();
        failed += 1;
        return failure;
      };
      expect(await registry.hold("room")).toEqual({ alive: [], lapsed: [] });
      expect(servers.proxy.operationsOn("room/room")).toEqual(["UpdateItem", "UpdateItem"]);
    });

    it("do no harm when repeated after a lost response", async () => {
      const registry = await servers.openProxied("a:1");
      const lost = new Set<string>();
      servers.proxy.handler = async ({ operation, body }, forward) => {
        const reply = await forward();
        if (!body.includes("room/room") || lost.has(operation)) return reply;
        lost.add(operation);
        return { status: 500, body: "" };
      };
      expect(await registry.hold("room")).toEqual({ alive: [], lapsed: [] });
      await registry.release("room");
      expect([...lost].sort()).toEqual(["DeleteItem", "UpdateItem"]);
      expect(await itemsOf(servers.table, "room/")).toEqual([]);
    });
  });
}

/** Lets DynamoDB process an operation, but holds its responses back until `arrive` is called. */
function holdBack(proxy: DynamoDbProxy, held: string): { given: boolean; arrive: () => void } {
  const { promise: arrival, resolve: arrive } = Promise.withResolvers<void>();
  const answers = { given: false, arrive };
  proxy.handler = async ({ operation }, forward) => {
    const reply = await forward();
    if (operation !== held) return reply;
    answers.given = true;
    await arrival;
    return reply;
  };
  return answers;
}

const THROTTLED: ProxiedReply = {
  status: 400,
  body: JSON.stringify({
    __type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
    message: "too much",
  }),
};
