import { describe, expect, it } from "vitest";
import {
  type OtherHolders,
  type Registry,
  RegistryError,
  type ServerAddress,
} from "../replication/registry.ts";
import { LEASE_MS, RENEW_MS, sorted, type TestRegistry, useRegistry } from "./test-registry.ts";
import { waitFor } from "./wait-for.ts";

/**
 * The time limit for every call, whatever happens: five seconds, plus some slack for a busy
 * machine.
 */
const BOUND_MS = 7_000;

/** Which servers count as dead, and when: after a crash, while frozen, and after an outage. */
export function registryLeaseSuite(name: string, create: () => Promise<TestRegistry>): void {
  describe(`registry: ${name}`, () => {
    const { open, place } = useRegistry(create);

    it("considers servers without a lease dead", async () => {
      const a = await open("a:1");
      await open("b:1");
      const unknown = Array.from({ length: 250 }, (_, index) => `unknown-${index}:1`);
      const lapsed = await a.lapsed([...unknown, "b:1", "a:1", ...unknown]);
      expect([...lapsed].sort()).toEqual([...unknown].sort());
      expect(await a.lapsed([])).toEqual([]);
    });

    it("considers a closed server dead before its lease would have expired", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      await b.hold("room");
      expect(await a.lapsed(["b:1"])).toEqual([]);
      const closed = performance.now();
      await b.close();
      await lapse(a, "b:1");
      // Sooner than its lease would have expired: other servers allow two seconds of clock difference.
      expect(performance.now() - closed).toBeLessThan(LEASE_MS - RENEW_MS + 1_700);
      expect(await a.hold("room")).toEqual({ alive: [], lapsed: ["b:1"] });
      await expect(b.hold("room")).rejects.toThrow(RegistryError);
      await b.close();
    });

    it("ignores and removes a dead server once its lease has expired", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      const dead = await place().spawn("dead:1");
      await dead.registry.hold("room");
      await dead.kill();
      expect(await a.hold("room")).toEqual({ alive: ["dead:1"], lapsed: [] });
      await lapse(a, "dead:1");
      expect(await b.hold("room")).toEqual({ alive: ["a:1"], lapsed: ["dead:1"] });
      expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
    });

    it("does not remove a server that was restarted at the address of a dead one", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      const rooms = Array.from({ length: 20 }, (_, index) => `room-${index}`);
      const dead = await place().spawn("again:1");
      await Promise.all(rooms.map((room) => dead.registry.hold(room)));
      await dead.kill();
      await lapse(a, "again:1");
      const opening = open("again:1");
      await Promise.all(
        rooms.map((room) => Promise.all([a.hold(room), opening.then((again) => again.hold(room))])),
      );
      expect(await a.lapsed(["again:1"])).toEqual([]);
      const found = await Promise.all(rooms.map((room) => b.hold(room)));
      expect(found.map(sorted)).toEqual(
        rooms.map(() => ({ alive: ["a:1", "again:1"], lapsed: [] })),
      );
    });

    it("distinguishes a server restarted within its lease from its previous run", async () => {
      const [a, b] = [await open("a:1", 1), await open("b:1", 2)];
      // A registry need not implement it.
      if (a.incarnations === undefined) return;
      const crashed = await place().spawn("again:1", 3);
      await crashed.registry.hold("room");
      const servers = ["a:1", "b:1", "again:1", "unknown:1"];
      const before = await a.incarnations(servers);
      expect([...before].sort()).toEqual([
        ["a:1", 1],
        ["again:1", 3],
        ["b:1", 2],
      ]);
      await crashed.kill();
      const again = await open("again:1", 4);
      expect((await b.incarnations?.(servers))?.get("again:1")).toBe(4);
      // It is alive, and a holder of the room until it releases the room.
      expect(await b.lapsed(["again:1"])).toEqual([]);
      expect(await b.hold("room")).toEqual({ alive: ["again:1"], lapsed: [] });
      await again.release("room");
      expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
      await again.close();
      expect((await a.incarnations(servers)).has("again:1")).toBe(false);
    });

    it("notifies a frozen server, once it resumes, that others presumed it dead", async () => {
      const a = await open("a:1");
      const frozen = await place().spawn("frozen:1");
      await frozen.registry.hold("room");
      frozen.signal("SIGSTOP");
      await lapse(a, "frozen:1");
      expect(await a.hold("room")).toEqual({ alive: [], lapsed: ["frozen:1"] });
      expect(frozen.rejoined).toBe(0);
      frozen.signal("SIGCONT");
      await waitFor(() => frozen.rejoined === 1, { message: "the frozen server has rejoined" });
      expect(await a.lapsed(["frozen:1"])).toEqual([]);
      expect(await frozen.registry.hold("room")).toEqual({ alive: ["a:1"], lapsed: [] });
      expect(await a.hold("room")).toEqual({ alive: ["frozen:1"], lapsed: [] });
    });

    it("lists servers from their start until they are closed, and reports which have died", async () => {
      const a = await open("a:1");
      expect(await a.servers()).toEqual({ alive: ["a:1"], lapsed: [] });
      const b = await open("b:1");
      const dead = await place().spawn("dead:1");
      for (const one of [a, b]) {
        expect(sorted(await one.servers())).toEqual({
          alive: ["a:1", "b:1", "dead:1"],
          lapsed: [],
        });
        expect(one.lease).toBe("held");
      }
      await dead.kill();
      await lapse(a, "dead:1");
      expect(sorted(await a.servers())).toEqual({ alive: ["a:1", "b:1"], lapsed: ["dead:1"] });
      await b.close();
      expect(b.lease).toBe("lapsed");
      expect(await a.servers()).toEqual({ alive: ["a:1"], lapsed: ["dead:1"] });
      await open("b:1");
      expect(sorted(await a.servers())).toEqual({ alive: ["a:1", "b:1"], lapsed: ["dead:1"] });
    });

    it("reports no server dead after an outage until all have had time to renew their leases", async () => {
      const [a, b, ghost] = [await open("a:1"), await open("b:1"), await open("ghost:1")];
      for (const registry of [a, b, ghost]) await registry.hold("room");
      await ghost.close();
      a.onRejoined(() => {
        throw new Error("a failing listener");
      });
      const rejoined: { at: number; found: Promise<OtherHolders> }[] = [];
      a.onRejoined(() => rejoined.push({ at: performance.now(), found: a.hold("room") }));

      await place().service.kill();
      const killed = performance.now();
      await rejectInTime(a);
      await waitFor(() => a.problem !== undefined && b.problem !== undefined, {
        message: "the leases cannot be renewed",
      });
      await waitFor(() => performance.now() > killed + LEASE_MS, {
        message: "the leases have expired",
      });
      await place().service.start();
      await waitFor(() => a.problem === undefined && b.problem === undefined, {
        message: () => `the leases are renewed again: ${a.problem}, ${b.problem}`,
      });
      // Only the first time counts: a service that has just started may be so slow that leases
      // expire again.
      const { at, found } = await waitFor(() => rejoined[0], { message: "server a has rejoined" });
      expect(sorted(await found)).toEqual({ alive: ["b:1", "ghost:1"], lapsed: [] });
      expect([...(await a.servers()).alive].sort()).toEqual(["a:1", "b:1"]);

      await lapse(a, "ghost:1");
      // The two clocks may round differently.
      expect(performance.now() - at).toBeGreaterThan(LEASE_MS - 10);
      expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: ["ghost:1"] });
    });

    it("times out while the service hangs, and recovers when it resumes", async () => {
      const [a, b, c] = [await open("a:1"), await open("b:1"), await open("c:1")];
      await a.hold("room");
      place().service.pause();
      const paused = performance.now();
      await Promise.all([rejectInTime(a), c.close()]);
      expect(performance.now() - paused).toBeLessThan(BOUND_MS);
      await waitFor(() => a.problem !== undefined, { message: "the lease cannot be renewed" });
      place().service.resume();
      await waitFor(() => a.problem === undefined && b.problem === undefined, {
        message: () => `the leases are renewed again: ${a.problem}, ${b.problem}`,
      });
      await a.hold("room");
      expect((await b.hold("room")).alive).toContain("a:1");
    });
  });
}

/** Waits until a server considers another dead. */
async function lapse(registry: Registry, server: ServerAddress): Promise<void> {
  await waitFor(async () => (await registry.lapsed([server])).length > 0, {
    message: `${server} is considered dead`,
  });
}

/** Expects every call to fail within the time limit. */
async function rejectInTime(registry: Registry): Promise<void> {
  const calls = [
    () => registry.hold("another room"),
    () => registry.release("room"),
    () => registry.lapsed(["unknown:1"]),
    () => registry.servers(),
  ];
  await Promise.all(
    calls.map(async (call) => {
      const start = performance.now();
      await expect(call()).rejects.toThrow(RegistryError);
      expect(performance.now() - start).toBeLessThan(BOUND_MS);
    }),
  );
}
