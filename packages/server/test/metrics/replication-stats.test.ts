import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import { UpdateWorkers } from "../../src/room/workers/update-workers.ts";
import { SimulatedNetwork, simulatedStores, turn } from "../replication/simulated-network.ts";
import { SimulatedServer } from "../replication/simulated-server.ts";

const workers = new UpdateWorkers();
afterAll(() => workers.close());
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Two servers that open the same document, one after the other. */
async function twoServers() {
  const network = new SimulatedNetwork();
  const parts = { network, stores: simulatedStores(), workers };
  const a = new SimulatedServer("a:1", 1, parts);
  const b = new SimulatedServer("b:1", 2, parts);
  await a.start();
  await b.start();
  network.deliver();
  const edit = async (server: SimulatedServer, text: string) => {
    server.client.doc.getText("text").insert(0, text);
    await server.commit();
    server.flush();
  };
  return { network, a, b, edit };
}

it("counts the fetches of a document by their outcome", async () => {
  const { network, a, b } = await twoServers();
  expect(a.stats.fetches).toEqual({ state: 0, opening: 0, absent: 0, failed: 0 });
  expect(b.stats.fetches).toEqual({ state: 1, opening: 0, absent: 0, failed: 0 });
  network.cut("peers", "a:1", "b:1");
  b.crash();
  await b.start();
  expect(b.stats.fetches).toEqual({ state: 1, opening: 0, absent: 0, failed: 1 });
  network.heal(true);
  b.crash();
  network.remove("a:1");
  await b.start();
  expect(b.stats.fetches).toEqual({ state: 1, opening: 0, absent: 1, failed: 1 });
});

it("counts messages over the bus, except a server's own", async () => {
  const { network, a, b, edit } = await twoServers();
  const before = { out: a.stats.busOut, in: b.stats.busIn, own: a.stats.busIn };
  await edit(a, "one");
  network.deliver();
  expect(a.stats.busOut).toBe(before.out + 1);
  expect(a.stats.busOut).toBe(network.published.get("a:1"));
  expect(b.stats.busIn).toBe(before.in + 1);
  expect(a.stats.busIn).toBe(before.own);
});

it("counts a sequence gap once, until it is closed", async () => {
  const { network, a, b, edit } = await twoServers();
  const sequenceGaps = b.stats.sequenceGaps;
  expect(b.open?.replicator.lagging).toBe(0);
  network.losing = 1;
  await edit(a, "lost");
  for (const text of ["two", "three"]) await edit(a, text);
  network.deliver();
  expect(b.stats.sequenceGaps).toBe(sequenceGaps + 1);
  expect(b.open?.replicator.lagging).toBe(1);
  for (let i = 0; i < 10; i++) await turn();
  expect(b.open?.replicator.lagging).toBe(0);
  expect(b.stats.fetches.state).toBe(2);
});

it("counts interruptions of the bus, but not other reasons to rejoin", async () => {
  const { a } = await twoServers();
  a.open?.replicator.onInterrupted();
  a.open?.replicator.rejoin();
  expect(a.stats.interruptions).toBe(1);
});
