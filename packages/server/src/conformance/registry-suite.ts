import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ServerAddress } from "../replication/registry.ts";
import { registryLeaseSuite } from "./registry-lease-suite.ts";
import { sorted, type TestRegistry, useRegistry } from "./test-registry.ts";
import { ODD_ROOM_NAMES } from "./test-storage.ts";

/** The contract that every implementation of the registry must meet. */
export function registrySuite(name: string, create: () => Promise<TestRegistry>): void {
  describe(`registry: ${name}`, () => {
    const { open } = useRegistry(create);

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
  });

  registryLeaseSuite(name, create);
}

const METHODS = ["hold", "release"] as const;
