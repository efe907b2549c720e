import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Incarnation,
  type OtherHolders,
  type Registry,
  RegistryError,
  type ServerAddress,
} from "../replication/registry.ts";
import type { TestService } from "./test-service.ts";
import { ODD_ROOM_NAMES } from "./test-storage.ts";
import { waitFor } from "./wait-for.ts";

/** Servers in these tests have short leases. */
export const LEASE_MS = 1_000;
export const RENEW_MS = 200;

/** An initially empty registry, shared by the servers of a test. */
export interface TestRegistry {
  /** The running service that stores the registry. */
  readonly service: TestService;
  /**
   * Joins as a server with a lease of `LEASE_MS`, renewed every `RENEW_MS`.
   *
   * @param incarnation visible to other servers if the registry implements `incarnations`
   */
  open(address: ServerAddress, incarnation?: Incarnation): Promise<Registry>;
  /** Joins in the same way, in a separate process. */
  spawn(address: ServerAddress, incarnation?: Incarnation): Promise<SeparateServer>;
  /** Ends the separate processes. */
  discard(): Promise<void>;
}

/** A server that can be frozen and killed. */
export interface SeparateServer {
  readonly registry: Pick<Registry, "hold">;
  /** How often its lease was regained. */
  readonly rejoined: number;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
}

/**
 * The time limit for every call, whatever happens: five seconds, plus some slack for a busy
 * machine.
 */
const BOUND_MS = 7_000;

/** The contract that every implementation of the registry must meet. */
export function registrySuite(name: string, create: () => Promise<TestRegistry>): void {
  describe(`registry: ${name}`, () => {
    let place: TestRegistry;
    let opened: Registry[] = [];

    beforeEach(async () => {
      place = await create();
    });
    afterEach(async () => {
      await Promise.all(opened.map((registry) => registry.close()));
      opened = [];
      await place.discard();
    });

    async function open(address: ServerAddress, incarnation?: Incarnation): Promise<Registry> {
      const registry = await place.open(address, incarnation);
      opened.push(registry);
      return registry;
    }

    it("returns the other holders, but not the server itself", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      expect(await a.hold("room")).toEqual({ alive: [], lapsed: [] });
      expect(await b.hold("room")).toEqual({ alive: ["a:1"], lapsed: [] });
      expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
      expect(await b.hold("room")).toEqual({ alive: ["a:1"], lapsed: [] });
    });

    it("no longer returns a server that has released the room", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      await a.hold("room");
      await b.hold("room");
      await a.release("room");
      expect(await b.hold("room")).toEqual({ alive: [], lapsed: [] });
      await b.release("room");
      expect(await a.hold("room")).toEqual({ alive: [], lapsed: [] });
    });

    it("allows releasing a room that is not held", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      await a.release("room");
      await b.hold("room");
      await a.release("room");
      expect(await a.hold("room")).toEqual({ alive: ["b:1"], lapsed: [] });
    });

    it("keeps rooms apart, whatever their names", async () => {
      const [a, b] = [await open("a:1"), await open("b:1")];
      const rooms = [...ODD_ROOM_NAMES, "\u00e4".repeat(256)];
      const held = new Set(rooms.filter((_, index) => index % 2 === 0));
      await Promise.all([...held].map((room) => a.hold(room)));
      const found = await Promise.all(
        rooms.map(async (room) => [room, (await b.hold(room)).alive] as const),
      );
      expect(found).toEqual(rooms.map((room) => [room, held.has(room) ? ["a:1"] : []]));
    });

    it("lets at least one of two servers see the other if they join at the same instant", async () => {
      const addresses = Array.from({ length: 6 }, (_, index) => `server-${index}:1`);
      const servers = await Promise.all(addresses.map(open));
      const rooms = Array.from({ length: 10 }, (_, index) => `room-${index}`);
      await Promise.all(
        rooms.map(async (room) => {
          const answers = await Promise.all(servers.map((server) => server.hold(room)));
          const sees = (one: number, other: number) =>
            answers[one]?.alive.includes(addresses[other] ?? "") ?? false;
          for (let one = 0; one < servers.length; one++) {
            expect(sees(one, one)).toBe(false);
            // Both see each other if a response was lost and the request repeated.
            for (let other = 0; other < one; other++) {
              expect(sees(one, other) || sees(other, one)).toBe(true);
            }
          }
        }),
      );
    });

    it("ends in the state of each server's last call, whatever servers do concurrently", async () => {
      const addresses = ["a:1", "b:1", "c:1"];
      const servers = await Promise.all(addresses.map(open));
      const observer = await open("observer:1");
      const step = fc.record({ room: fc.nat({ max: 1 }), method: fc.constantFrom(...METHODS) });
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(step, { maxLength: 6 }), { minLength: 3, maxLength: 3 }),
          async (plans) => {
            runs += 1;
            const rooms = [`${runs}/0`, `${runs}/1`];
            const holders = rooms.map(() => new Set<ServerAddress>());
            await Promise.all(
              servers.map(async (server, index) => {
                for (const { room, method } of plans[index] ?? []) {
                  await server[method](rooms[room] ?? "");
                  const address = addresses[index] ?? "";
                  if (method === "hold") holders[room]?.add(address);
                  else holders[room]?.delete(address);
                }
              }),
            );
            const found = await Promise.all(rooms.map((room) => observer.hold(room)));
            expect(found.map(sorted)).toEqual(
              holders.map((set) => ({ alive: [...set].sort(), lapsed: [] })),
            );
          },
        ),
        { numRuns: 15 },
      );
    });

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
      const dead = await place.spawn("dead:1");
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
      const dead = await place.spawn("again:1");
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
      const crashed = await place.spawn("again:1", 3);
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
      const frozen = await place.spawn("frozen:1");
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
      const dead = await place.spawn("dead:1");
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

    it("lists all servers correctly while several start and others close at the same time", async () => {
      const addresses = Array.from({ length: 12 }, (_, index) => `server-${index}:1`);
      const servers = await Promise.all(addresses.map(open));
      const [first] = servers;
      if (first === undefined) throw new Error("no server");
      expect([...(await first.servers()).alive].sort()).toEqual([...addresses].sort());
      const ending = servers.slice(1, 8).map((server) => server.close());
      await Promise.all([...ending, open("late:1")]);
      const left = [...addresses.slice(8), "late:1", "server-0:1"].sort();
      expect(sorted(await first.servers())).toEqual({ alive: left, lapsed: [] });
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

      await place.service.kill();
      const killed = performance.now();
      await rejectInTime(a);
      await waitFor(() => a.problem !== undefined && b.problem !== undefined, {
        message: "the leases cannot be renewed",
      });
      await waitFor(() => performance.now() > killed + LEASE_MS, {
        message: "the leases have expired",
      });
      await place.service.start();
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
      place.service.pause();
      const paused = performance.now();
      await Promise.all([rejectInTime(a), c.close()]);
      expect(performance.now() - paused).toBeLessThan(BOUND_MS);
      await waitFor(() => a.problem !== undefined, { message: "the lease cannot be renewed" });
      place.service.resume();
      await waitFor(() => a.problem === undefined && b.problem === undefined, {
        message: () => `the leases are renewed again: ${a.problem}, ${b.problem}`,
      });
      await a.hold("room");
      expect((await b.hold("room")).alive).toContain("a:1");
    });
  });
}

const METHODS = ["hold", "release"] as const;

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

function sorted({ alive, lapsed }: OtherHolders): OtherHolders {
  return { alive: [...alive].sort(), lapsed: [...lapsed].sort() };
}
