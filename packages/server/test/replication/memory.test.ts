import { pino } from "pino";
import { expect, it } from "vitest";
import { busSuite } from "../../src/conformance/bus-suite.ts";
import { registrySuite } from "../../src/conformance/registry-suite.ts";
import { LEASE_MS, RENEW_MS } from "../../src/conformance/test-registry.ts";
import type { TestService } from "../../src/conformance/test-service.ts";
import { MemoryBroker } from "../../src/replication/memory/bus.ts";
import { type MemoryRegistry, RegistryTable } from "../../src/replication/memory/registry.ts";
import type { Incarnation, ServerAddress } from "../../src/replication/registry.ts";

const logger = pino({ level: "silent" });

/** There is no process to kill or freeze: every fault is an outage. */
function serviceOf(shared: MemoryBroker | RegistryTable): TestService {
  return {
    start: async () => shared.restore(),
    kill: async () => shared.interrupt("killed"),
    pause: () => shared.interrupt("frozen"),
    resume: () => shared.restore(),
    stop: async () => shared.interrupt("stopped"),
  };
}

busSuite("memory", () => {
  const broker = new MemoryBroker();
  return {
    service: serviceOf(broker),
    open: async () => broker.open(logger),
    subscriptions: async () => broker.subscriptions(),
    dropConnections: async () => {
      broker.interrupt("dropped");
      broker.restore();
    },
  };
});

registrySuite("memory", async () => {
  const table = new RegistryTable();
  const spawned: MemoryRegistry[] = [];
  const open = (address: ServerAddress, incarnation: Incarnation = 1) =>
    table.open({ address, incarnation, logger, leaseMs: LEASE_MS, renewMs: RENEW_MS });
  return {
    service: serviceOf(table),
    open,
    // To others, a process that has ended or is frozen is a server that does not renew its lease.
    spawn: async (address, incarnation) => {
      const registry = await open(address, incarnation);
      spawned.push(registry);
      let rejoined = 0;
      registry.onRejoined(() => {
        rejoined++;
      });
      return {
        registry,
        get rejoined() {
          return rejoined;
        },
        signal: (signal) => (signal === "SIGCONT" ? registry.resume() : registry.suspend()),
        kill: async () => registry.suspend(),
      };
    },
    discard: async () => {
      await Promise.all(spawned.map((registry) => registry.close()));
    },
  };
});

it("the registry uses the clock that it is given", async () => {
  let now = 0;
  const table = new RegistryTable(() => now);
  const a = await table.open({ address: "a:1", logger, leaseMs: 10 });
  const b = await table.open({ address: "b:1", logger, leaseMs: 20 });
  now = 10;
  expect(await b.servers()).toEqual({ alive: ["b:1"], lapsed: ["a:1"] });
  expect(a.lease).toBe("lapsed");
  now = 60 * 60 * 1_000 + 10;
  b.resume();
  expect(await b.servers()).toEqual({ alive: ["b:1"], lapsed: [] });
  await Promise.all([a.close(), b.close()]);
});
