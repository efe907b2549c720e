import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { floor } from "../src/contenders/floor.ts";
import { floorRedis } from "../src/contenders/floor-redis.ts";
import { hocuspocusRedis } from "../src/contenders/hocuspocus-redis.ts";
import { Servers } from "../src/process/servers.ts";
import { checkConvergence } from "../src/workload/convergence.ts";
import { Load } from "../src/workload/load.ts";
import type { Workload } from "../src/workload/workload.ts";

const options = { dataDirectory: "", cpus: undefined };

const workload: Workload = {
  rooms: 10,
  membersPerRoom: 4,
  updatesPerSecond: 2,
  presencePerSecond: 2,
  returnsPresence: true,
};

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

test("the members of a room are assigned to the servers in turn", async () => {
  const servers = await Promise.all([floor.start(options), floor.start(options)]);
  for (const server of servers) cleanUps.push(() => server.kill());
  const load = await Load.join(
    servers.map(({ endpoint }) => endpoint),
    workload,
  );
  cleanUps.unshift(() => load.leave());
  load.start();
  const { updateLatency, expectedUpdates } = await load.measure(1);
  // These servers do not share rooms: only one of the three other members is on the same server.
  expect(updateLatency.count).toBeGreaterThan(0);
  expect(updateLatency.count).toBeLessThanOrEqual(expectedUpdates / 3);
  expect(load.ledger.firstMissing()).toMatch(/^client 1073741824 has 0 of .* client 1073741825$/);
});

test.each([hocuspocusRedis, floorRedis])(
  "with $name, everything reaches every server",
  async ({ start, release, keepsState }) => {
    cleanUps.push(() => release?.());
    const servers = await start(options);
    cleanUps.unshift(() => servers.kill());
    expect(servers.endpoints).toHaveLength(3);
    const load = await Load.join(servers.endpoints, workload);
    cleanUps.unshift(() => load.leave());
    load.start();
    const window = await load.measure(2);
    await load.stop();
    expect(window.expectedUpdates).toBeGreaterThan(0);
    expect(window.updateLatency.count).toBe(window.expectedUpdates);
    expect(window.presenceLatency.count).toBeGreaterThan(0);
    for (const endpoint of keepsState ? servers.endpoints : []) {
      await checkConvergence(endpoint, workload, load.ledger);
    }
  },
);

test("if one server fails to start, the others are stopped", async () => {
  const directory = await mkdtemp(join(tmpdir(), "symphony-bench-test-"));
  cleanUps.push(() => rm(directory, { recursive: true }));
  const pidFile = join(directory, "pid");
  const listening = JSON.stringify({ msg: "listening", url: "http://127.0.0.1:1" });
  const good = `
    require("node:fs").writeFileSync(process.argv[1], String(process.pid));
    console.log(${JSON.stringify(listening)});
    setInterval(() => undefined, 1000);`;
  const launching = Servers.launch(
    { program: ["-e", good, pidFile], env: {}, cpus: undefined },
    { program: ["-e", "process.exit(3)"], env: {}, cpus: undefined },
  );
  await expect(launching).rejects.toThrow("ended with 3");
  const pid = Number(await readFile(pidFile, "utf8"));
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
});
