import { DeleteItemCommand } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import { LEASE_MS } from "../../src/conformance/test-registry.ts";
import type { Registry } from "../../src/replication/registry.ts";
import { waitFor } from "../support/wait-for.ts";
import { itemsOf, NEVER_MS, useServers, withClient } from "./dynamodb-fixtures.ts";

/** Tests what happens to a server's lease when its renewal fails. */
export function dynamoDbLeaseSuite(name: string): void {
  describe(`a server's lease: ${name}`, () => {
    const servers = useServers();

    it("is reacquired after it has been deleted", async () => {
      const rejoined = countRejoined(await servers.open("a:1"));
      await withClient((client) =>
        client.send(
          new DeleteItemCommand({ TableName: servers.table, Key: { id: { S: "server/a:1" } } }),
        ),
      );
      await waitFor(() => rejoined() === 1, { message: "the server has rejoined" });
    });

    it("is reacquired before a room is held if it has expired", async () => {
      const late = await servers.open("late:1", NEVER_MS);
      const other = await servers.open("other:1");
      const rejoined = countRejoined(late);
      await waitFor(async () => (await other.lapsed(["late:1"])).length > 0, {
        message: "the lease has expired",
      });
      expect(late.problem).toBe("the lease has expired");
      await late.hold("room");
      expect(late.problem).toBeUndefined();
      expect(rejoined()).toBe(1);
      expect(await other.hold("room")).toEqual({ alive: ["late:1"], lapsed: [] });
    });

    it("is kept by a server's successor when the server closes late", async () => {
      const old = await servers.open("a:1", NEVER_MS);
      const successor = await servers.open("a:1");
      await old.close();
      expect(await itemsOf(servers.table, "server/")).toHaveLength(1);
      await successor.close();
      expect(await itemsOf(servers.table, "server/")).toEqual([]);
    });

    it("survives a failed renewal, but the server judges no others for a lease period", async () => {
      const registry = await servers.openProxied("a:1");
      const rejoined = countRejoined(registry);
      expect(await registry.lapsed(["unknown:1"])).toEqual(["unknown:1"]);
      let failed = 0;
      servers.proxy.handler = async ({ operation }, forward) => {
        if (operation !== "UpdateItem" || failed > 0) return forward();
        failed = performance.now();
        return { status: 400, body: JSON.stringify({ __type: "ValidationException" }) };
      };
      await waitFor(() => registry.problem !== undefined, { message: "a renewal has failed" });
      expect(await registry.lapsed(["unknown:1"])).toEqual([]);
      await waitFor(() => registry.problem === undefined, {
        message: "the next renewal has succeeded",
      });
      await waitFor(async () => (await registry.lapsed(["unknown:1"])).length > 0, {
        message: "the server judges others again",
      });
      expect(performance.now() - failed).toBeGreaterThanOrEqual(LEASE_MS);
      expect(rejoined()).toBe(0);
    });

    it("is regained by the next renewal after a response has arrived too late", async () => {
      const registry = await servers.openProxied("a:1");
      const rejoined = countRejoined(registry);
      const renewals = () => servers.proxy.operationsOn("server/a:1").length;
      let delayed = 0;
      servers.proxy.handler = async ({ operation }, forward) => {
        const reply = await forward();
        if (operation === "UpdateItem" && delayed === 0) {
          delayed = renewals();
          const sent = performance.now();
          await waitFor(() => performance.now() - sent > 1.2 * LEASE_MS, {
            message: "the renewed lease has expired",
          });
        }
        return reply;
      };
      await waitFor(() => delayed > 0 && renewals() > delayed + 2, {
        message: "the lease has been renewed twice since",
      });
      expect(rejoined()).toBe(1);
    });

    it("is not restored by a renewal that was in progress when it was released", async () => {
      const registry = await servers.openProxied("a:1");
      let stalled = false;
      let goOn = () => {};
      const gone = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      servers.proxy.handler = async ({ operation }, forward) => {
        if (operation === "UpdateItem") {
          stalled = true;
          await gone;
        }
        return forward();
      };
      await waitFor(() => stalled, { message: "a renewal is in progress" });
      const closing = registry.close();
      goOn();
      await closing;
      expect(await itemsOf(servers.table, "server/")).toEqual([]);
    });
  });
}

function countRejoined(registry: Registry): () => number {
  let count = 0;
  registry.onRejoined(() => {
    count += 1;
  });
  return () => count;
}
