import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import type { Contender } from "../src/contenders/contender.ts";
import { floor } from "../src/contenders/floor.ts";
import { Servers } from "../src/process/servers.ts";
import { checkConvergence } from "../src/workload/convergence.ts";
import { Load } from "../src/workload/load.ts";
import type { Workload } from "../src/workload/workload.ts";

const workload: Workload = {
  rooms: 10,
  membersPerRoom: 4,
  updatesPerSecond: 5,
  presencePerSecond: 0,
  returnsPresence: false,
};

const lossy: Contender["start"] = ({ cpus }) =>
  Servers.launch({
    program: [fileURLToPath(new URL("./lossy-entry.ts", import.meta.url))],
    env: {},
    cpus,
  });

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

async function offer(start: Contender["start"]): Promise<{ server: Servers; load: Load }> {
  const server = await start({ dataDirectory: "", cpus: undefined });
  cleanUps.push(() => server.kill());
  const load = await Load.join(server.endpoint, workload);
  cleanUps.unshift(() => load.leave());
  load.start();
  await load.measure(2);
  return { server, load };
}

test("a server that loses one update in 400 is refused", async () => {
  const { load } = await offer(lossy);
  await expect(load.stop()).rejects.toThrow(/has \d+ of \d+ updates/);
});

test("a server that loses a connection is refused", async () => {
  const { server, load } = await offer(floor.start);
  await server.kill();
  // Which error depends on whether data was in flight to the server.
  await expect(load.stop()).rejects.toThrow(/the connection was closed|ECONNRESET|EPIPE/);
});

test("a server that stores nothing does not converge", async () => {
  const { server, load } = await offer(floor.start);
  await expect(checkConvergence(server.endpoint, workload, load.ledger)).rejects.toThrow(
    "does not hold what its members wrote",
  );
});
