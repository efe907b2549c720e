import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { Contender } from "../src/contenders/contender.ts";
import { reference } from "../src/contenders/reference.ts";
import { symphony } from "../src/contenders/symphony.ts";
import { removeDirectory, temporaryDirectory } from "../src/process/children.ts";
import { Servers } from "../src/process/servers.ts";
import { checkConvergence } from "../src/workload/convergence.ts";
import { Load } from "../src/workload/load.ts";
import { VisitCounts, visitInTurn } from "../src/workload/visits.ts";
import type { Workload } from "../src/workload/workload.ts";

const workload: Workload = {
  rooms: 10,
  membersPerRoom: 4,
  updatesPerSecond: 5,
  presencePerSecond: 5,
  returnsPresence: true,
};

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

function newDirectory(): string {
  const directory = temporaryDirectory();
  cleanUps.push(() => removeDirectory(directory));
  return directory;
}

async function launch({ start }: Pick<Contender, "start">, dataDirectory = ""): Promise<Servers> {
  const servers = await start({ dataDirectory, cpus: undefined });
  cleanUps.unshift(() => servers.kill());
  return servers;
}

async function joinAll(servers: Servers): Promise<Load> {
  const load = await Load.join(servers.endpoints, workload);
  cleanUps.unshift(() => load.leave());
  return load;
}

const contenders = [reference, symphony].map((contender) => [contender.name, contender] as const);

test.each(contenders)(
  "after a restart of %s, members bring back their documents",
  async (_, contender) => {
    const directory = newDirectory();
    const before = await launch(contender, directory);
    const load = await joinAll(before);
    load.typeUpdates(50);
    await load.stop();
    const killed = before.kill();
    load.leave();
    load.typeUpdates(2);
    await killed;
    const after = await launch(contender, directory);
    const waits = await load.rejoin(after.endpoints, 100);
    expect(waits.count).toBe(40);
    await load.stop();
    expect(load.ledger.updatesOf(0)).toBe(52);
    await checkConvergence(after.endpoint, workload, load.ledger);
  },
);

test.each(contenders)(
  "with %s, a reconnecting member resumes where it left off",
  async (_, contender) => {
    const servers = await launch(contender, newDirectory());
    const load = await joinAll(servers);
    load.start();
    await load.measure(1);
    await Promise.all([load.reconnect(0, 500), load.reconnect(1, 300), load.reconnect(39, 10)]);
    await load.measure(1);
    await load.stop();
    await checkConvergence(servers.endpoint, workload, load.ledger);
  },
);

test("visitors keep opening new rooms", async () => {
  const servers = await launch(symphony, newDirectory());
  const counts = new VisitCounts();
  const times = { visitMs: 2000, totalMs: 4000 };
  await visitInTurn({ endpoints: servers.endpoints, workload, ...times }, counts);
  // Each of ten groups opens a room two or three times; none loses all its connections at once.
  expect(counts.rooms).toBeGreaterThanOrEqual(20);
  expect(counts.reconnections).toBeGreaterThan(0);
});

test("visitors detect a lost update", async () => {
  const program = [fileURLToPath(new URL("./lossy-entry.ts", import.meta.url))];
  const servers = await launch({
    start: ({ cpus }) => Servers.launch({ program, env: {}, cpus }),
  });
  const times = { visitMs: 500, totalMs: 1000 };
  const visits = visitInTurn(
    { endpoints: servers.endpoints, workload, ...times },
    new VisitCounts(),
  );
  await expect(visits).rejects.toThrow(/has \d+ of \d+ updates/);
});
