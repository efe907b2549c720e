import { CpuMeter } from "../process/cpu-meter.ts";
import { caseStudyWorkload } from "../workload/case-study-workload.ts";
import { checkConvergence } from "../workload/convergence.ts";
import { Load } from "../workload/load.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

/** Updates of each member before the restart: 4,000 characters. */
const UPDATES_BEFORE = 1000;
const RETURN_WITHIN_MS = 1000;

export const storm: Measurement = {
  name: "storm",
  title: "Reconnect storm",
  columns: [
    { key: "startMs", label: "ms until it listens again", digits: 0 },
    { key: "inSync", label: "ms until all are in sync", digits: 0, compared: true },
    { key: "waitP50", label: "one client's wait p50 ms", digits: 1 },
    { key: "waitP95", label: "p95", digits: 1 },
    { key: "cpuPerClient", label: "CPU ms per client", digits: 2, compared: true },
    { key: "generatorBusy", label: "generator % of a core", digits: 1 },
  ],
  bars: [
    {
      text: "all clients are in sync within 5 s of a restart",
      column: "inSync",
      of: "value",
      atMost: 5000,
    },
  ],
  minimumRuns: 1,
  takesPart: (contender) => contender.keepsState,
  describe: (settings) =>
    `${settings.stormClients} clients in rooms of 4 have typed 4,000 characters each when the server is ` +
    "killed and restarted on the same data. Each types once more while the server is down. Once it " +
    `listens, they return in shuffled order within ${RETURN_WITHIN_MS / 1000} s, send their state vector ` +
    "and supply what the server lacks, which is everything if it stores nothing. They are in sync once " +
    "each has the text and presence of all other members of its room; a client's wait is from " +
    "connecting to the answer to its state vector.",
  run: ({ contender, settings, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.server, async (server) => {
      const workload = caseStudyWorkload(settings.stormClients);
      const load = await Load.join((await server.start()).endpoints, workload);
      try {
        load.typeUpdates(UPDATES_BEFORE);
        await load.stop();
        // It sends the signal before it returns, so the clients are connected when the server dies.
        const restarting = server.crash();
        load.leave();
        load.typeUpdates(1);
        const { endpoints, pids, startMs } = await restarting;
        const meter = new CpuMeter(pids, cpus.server);
        const listeningAt = performance.now();
        const waits = await load.rejoin(endpoints, RETURN_WITHIN_MS);
        await load.stop();
        const inSync = performance.now() - listeningAt;
        const cpu = meter.read();
        for (const endpoint of endpoints) await checkConvergence(endpoint, workload, load.ledger);
        return {
          startMs,
          inSync,
          waitP50: waits.quantile(0.5),
          waitP95: waits.quantile(0.95),
          cpuPerClient: (cpu.serverSeconds * 1000) / waits.count,
          generatorBusy: cpu.generator * 100,
        };
      } finally {
        load.leave();
      }
    }),
};
