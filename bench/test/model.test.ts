import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Deployment, databaseShare, deploymentFor } from "../model/deployment.ts";
import { inputsWith } from "../model/inputs.ts";
import { MONEY_ITEMS, type Money, moneyOf, totalOf } from "../model/money.ts";
import { openingsOf } from "../model/openings.ts";
import { page } from "../model/page.ts";
import { groupCommits } from "../model/postgres.ts";
import { report } from "../model/report.ts";
import { busyCores, cellFor, cellOf } from "../model/servers.ts";
import { holderShares, PLACEMENTS, spreadOf } from "../model/spread.ts";
import { presenceMessage, updateMessage } from "../src/workload/author.ts";
import { randomNumbers } from "../src/workload/random.ts";

const INPUTS = inputsWith();
const anyPlacement = fc.constantFrom(...PLACEMENTS);
const anyNumberOfClients = fc.integer({ min: 1, max: 3_000_000 });

describe("rooms on servers", () => {
  test("holder shares equal an enumeration of all placements", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        (members, servers) => {
          const ways = servers ** members;
          const counts = new Map<number, number>();
          for (let way = 0; way < ways; way++) {
            const held = new Set<number>();
            for (let rest = way, i = 0; i < members; i++, rest = Math.floor(rest / servers)) {
              held.add(rest % servers);
            }
            counts.set(held.size, (counts.get(held.size) ?? 0) + 1);
          }
          const shares = holderShares(members, servers);
          expect(shares).toHaveLength(Math.min(members, servers));
          shares.forEach((share, i) => {
            expect(share).toBeCloseTo((counts.get(i + 1) ?? 0) / ways, 10);
          });
        },
      ),
    );
  });

  test("the mean number of holders matches the formula, even for many servers", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 100_000 }),
        (members, servers) => {
          const { holders } = spreadOf(
            inputsWith({ clientsPerRoom: members }),
            "round robin",
            servers,
          );
          const formula = servers * (1 - (1 - 1 / servers) ** members);
          expect(holders / formula).toBeCloseTo(1, 6);
        },
      ),
    );
  });

  test("affinity shares only misplaced rooms, and none on a single server", () => {
    expect(spreadOf(INPUTS, "affinity", 1).shared).toBe(0);
    const { holders, shared, audience } = spreadOf(
      inputsWith({ misplacedShare: 0.25 }),
      "affinity",
      9,
    );
    expect({ holders, shared, audience }).toEqual({ holders: 1.25, shared: 0.25, audience: 2 });
  });

  test("rooms are opened as often as in a simulation of one room", () => {
    const inputs = inputsWith({ sessionMinutes: 60, joinsPerHour: 5 });
    const cell = cellOf(inputs, 4, "round robin", 6);
    const next = randomNumbers(7);
    const anyServer = () => Math.floor(next() * cell.servers);
    const sessions = 40_000;
    const opened = { first: 0, joining: 0 };
    const open = (server: number, others: readonly number[]): void => {
      if (others.length === 0) opened.first++;
      else if (!others.includes(server)) opened.joining++;
    };
    for (let session = 0; session < sessions; session++) {
      const seats: number[] = [];
      for (let seat = 0; seat < inputs.clientsPerRoom; seat++) {
        const server = anyServer();
        open(server, seats);
        seats.push(server);
      }
      for (let later = 0; later < 16; later++) {
        seats.shift();
        const server = anyServer();
        open(server, seats);
        seats.push(server);
      }
    }
    const { first, joining } = openingsOf(inputs, cell.activity, cell.spread);
    expect(first * 3600).toBeCloseTo(opened.first / sessions, 6);
    expect((joining * 3600 * sessions) / opened.joining).toBeCloseTo(1, 2);
  });
});

test("deliveries depend on the clients, not on their placement", () => {
  fc.assert(
    fc.property(anyNumberOfClients, anyPlacement, (clients, placement) => {
      const { cells, cell } = deploymentFor(INPUTS, clients, placement);
      expect((cells * cell.activity.deliveries) / (clients * 6 * 3)).toBeCloseTo(1, 9);
    }),
  );
});

test("inactive clients renew their presence but change no document", () => {
  const { activity } = cellOf(inputsWith({ actingShare: 0 }), 1500, "affinity", 2);
  expect(activity).toMatchObject({ updates: 0, presence: 100, deliveries: 300, activeRooms: 0 });
});

test("the number of group commits matches a simulation of one writer", () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 2000, noNaN: true }), (perSecond) => {
      const period = 0.012;
      const next = randomNumbers(3);
      let now = 0;
      let commits = 0;
      let arrival = 0;
      for (; commits < 50_000; commits++) {
        now = Math.max(now, arrival);
        while (arrival <= now) arrival -= Math.log(1 - next()) / perSecond;
        now += period;
      }
      const ratio = (groupCommits(perSecond, period) * now) / commits;
      expect(Math.abs(ratio - 1)).toBeLessThan(0.02);
    }),
    { numRuns: 20 },
  );
  expect(groupCommits(0, 0.012)).toBe(0);
});

describe("servers", () => {
  test("cover the load that they cause, and one fewer would not", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20_000, max: 3_000_000 }),
        anyPlacement,
        (clients, placement) => {
          const cell = cellFor(INPUTS, clients, placement);
          const enough = cell.servers * INPUTS.cpuTarget;
          expect(busyCores(cell)).toBeLessThanOrEqual(enough);
          const fewer = cellOf(INPUTS, clients, placement, cell.servers - 1);
          expect(busyCores(fewer)).toBeGreaterThan(enough - INPUTS.cpuTarget);
        },
      ),
    );
  });

  test("are determined by memory and sockets if all clients are idle", () => {
    const quiet = { actingShare: 0, renewalSeconds: 1e9, joinMicros: 0 };
    const documents = inputsWith({ ...quiet, documentKilobytes: 5_000 });
    expect(cellFor(documents, 1_000_000, "affinity").servers).toBeGreaterThan(1_000);
    const sockets = inputsWith({ ...quiet, documentKilobytes: 0.1 });
    expect(cellFor(sockets, 1_000_000, "affinity").servers).toBe(17);
  });

  test("publish over 50 times less with affinity than with round robin", () => {
    const published = PLACEMENTS.map((placement) => {
      const { cells, traffic } = deploymentFor(INPUTS, 1_000_000, placement);
      return cells * traffic.redis.published;
    });
    expect(published[1]).toBeGreaterThan(50 * (published[0] ?? Number.NaN));
  });
});

describe("load that one database cannot carry", () => {
  test("is divided among as many databases as needed", () => {
    for (const placement of PLACEMENTS) {
      const { cells, cell, traffic } = deploymentFor(INPUTS, 100_000_000, placement);
      expect(cells).toBeGreaterThan(100);
      expect(databaseShare(INPUTS, traffic.postgres)).toBeLessThanOrEqual(1);
      expect(cells * cell.activity.clients).toBeCloseTo(100_000_000, 3);
    }
  });

  test("is reported", () => {
    expect(report({})).toMatch(
      /100M, affinity\*\*: one PostgreSQL cannot carry .+ It takes \d+ databases/,
    );
    const endless = { databaseCommits: 1e12, databaseRows: 1e12, databaseMostConnections: 1e12 };
    const large = { ...endless, redisMessages: 1e12, dynamoTableUnits: 1e12, s3PrefixPuts: 1e12 };
    expect(report(large)).toContain("Everything fits into one cluster.");
    expect(report({ ...large, redisMessages: 200_000 })).toContain("one Redis cannot carry");
    expect(report({ ...large, dynamoTableUnits: 40_000 })).toContain("reads the leases");
    expect(report({ ...large, s3PrefixPuts: 3_500 })).toContain("PUT a second");
  });

  test("is an error if even one client is too much", () => {
    const inputs = inputsWith({ databaseCommits: 0.0001 });
    expect(() => deploymentFor(inputs, 1000, "affinity")).toThrow("database");
  });
});

describe("the cost", () => {
  const hand = deploymentFor(INPUTS, 10_000, "affinity");

  test("is the sum of its items, each from 0 up", () => {
    fc.assert(
      fc.property(anyNumberOfClients, anyPlacement, (clients, placement) => {
        const money = moneyOf(deploymentFor(INPUTS, clients, placement));
        const items = Object.values(money);
        expect(items).toHaveLength(MONEY_ITEMS.length);
        expect(Math.min(...items)).toBeGreaterThanOrEqual(0);
        expect(totalOf(money) / items.reduce((sum, item) => sum + item)).toBeCloseTo(1, 12);
      }),
    );
  });

  test("matches a manual calculation", () => {
    const money = moneyOf(hand);
    const month = 730 * 3600;
    expect(money.servers).toBeCloseTo(hand.cell.servers * 730 * (0.04048 + 2 * 0.004445), 6);
    expect(money["S3 requests"]).toBeCloseTo(
      month * (hand.traffic.s3.puts * 5e-6 + hand.traffic.s3.gets * 4e-7),
      6,
    );
    expect(money.Redis).toBeCloseTo(2 * 730 * 0.032, 6);
    // Each of 10,000 clients gets 4 updates and 15 presence changes per second, and 2 documents per
    // hour.
    const bytes = 10_000 * (4 * (26 + 74) + 15 * (121 + 74) + (2 * 50_000) / 3600);
    const gigabytes = (bytes * month) / 1e9;
    expect(money["to the internet"]).toBeCloseTo(900 + (gigabytes - 10_000) * 0.05, 6);
  });

  test("reflects each price only in the items that use it", () => {
    const changed = (one: Deployment, other: Deployment): string[] => {
      const [before, after] = [moneyOf(one), moneyOf(other)];
      return MONEY_ITEMS.filter((item: keyof Money) => before[item] !== after[item]);
    };
    const withPrice = (changes: Parameters<typeof inputsWith>[0]) =>
      changed(hand, deploymentFor(inputsWith(changes), 10_000, "affinity"));
    expect(withPrice({ thousandS3Puts: 1 })).toEqual(["S3 requests"]);
    expect(withPrice({ millionDynamoReads: 1 })).toEqual(["DynamoDB"]);
    expect(withPrice({ databaseHour: 1 })).toEqual(["PostgreSQL"]);
    expect(withPrice({ zoneGigabyte: 1 })).toEqual(["between zones"]);
    expect(withPrice({ networkBalancerUnitHour: 1 })).toEqual(["load balancer"]);
    expect(withPrice({ applicationBalancerUnitHour: 1 })).toEqual([]);
    expect(withPrice({ vcpuHour: 1 })).toEqual(["servers", "proxies"]);
  });
});

test("the message sizes match the messages of the load generator", () => {
  expect(updateMessage(500, 1000, 1)).toHaveLength(INPUTS.updateBytes);
  expect(presenceMessage(500, 1000, 1000)).toHaveLength(INPUTS.presenceBytes);
});

test("MODEL.md is the output of `node bench/model/main.ts --write`", () => {
  expect(readFileSync(new URL("../MODEL.md", import.meta.url), "utf8")).toBe(page({}));
});
