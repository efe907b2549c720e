import { setTimeout as delay } from "node:timers/promises";
import { CpuMeter } from "../process/cpu-meter.ts";
import { residentBytes } from "../process/sampler.ts";
import { checkWindow } from "../workload/check-window.ts";
import { checkConvergence } from "../workload/convergence.ts";
import { Load } from "../workload/load.ts";
import type { Workload } from "../workload/workload.ts";
import type { Column, Figures, RunContext, Settings } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

const MEBIBYTE = 1024 * 1024;

export const loadColumns: readonly Column[] = [
  { key: "cpuPerDelivery", label: "CPU µs per delivery", digits: 2, compared: true },
  { key: "serverBusy", label: "server % of a core", digits: 1 },
  { key: "deliveries", label: "deliveries/s", digits: 0 },
  { key: "updateP50", label: "update p50 ms", digits: 1 },
  { key: "updateP95", label: "p95", digits: 1 },
  { key: "updateP99", label: "p99", digits: 1 },
  { key: "presenceP50", label: "presence p50 ms", digits: 1 },
  { key: "presenceP95", label: "p95", digits: 1 },
  { key: "presenceP99", label: "p99", digits: 1 },
  { key: "replaced", label: "replaced %", digits: 1 },
  { key: "returnP50", label: "own update back p50 ms", digits: 1 },
  { key: "returnP95", label: "p95", digits: 1 },
  { key: "eventLoopP99", label: "event loop late p99 ms", digits: 1 },
  { key: "eventLoopWorst", label: "worst", digits: 1 },
  { key: "resident", label: "RSS MiB", digits: 0 },
  { key: "othersBusy", label: "others % of the server's core", digits: 1 },
  { key: "generatorBusy", label: "generator % of a core", digits: 1 },
];

/** Explains, for a description, what the columns mean and when they are measured. */
export function describeLoad({ windowSeconds, warmUpSeconds }: Settings): string {
  return (
    `${windowSeconds} s are measured after ${warmUpSeconds} s of warm-up. A delivery is one update or ` +
    "presence change that another member receives; echoed presence and a client's own updates cost " +
    "CPU but are not deliveries, and neither is presence that a newer state replaced. CPU is the user " +
    "and system time of all threads of the server."
  );
}

/**
 * Runs the workload against fresh servers, for the warm-up and the window. Rejects if anything was
 * lost on any server.
 */
export function measureLoad(
  { contender, settings, cpus }: RunContext,
  workload: Workload,
): Promise<Figures> {
  return withServer(contender, cpus.server, async (server) => {
    const servers = await server.start();
    const { pids, endpoints } = servers;
    const load = await Load.join(endpoints, workload);
    try {
      load.start();
      await delay(settings.warmUpSeconds * 1000);
      await servers.eventLoopDelay();
      const meter = new CpuMeter(pids, cpus.server);
      const window = await load.measure(settings.windowSeconds);
      const cpu = meter.read();
      const eventLoop = await servers.eventLoopDelay();
      const resident = residentBytes(pids);
      await load.stop();
      checkWindow(window, cpu);
      if (contender.keepsState) {
        for (const endpoint of endpoints) await checkConvergence(endpoint, workload, load.ledger);
      }
      return {
        cpuPerDelivery: (cpu.serverSeconds * 1e6) / window.deliveries,
        serverBusy: cpu.server * 100,
        deliveries: (window.deliveries * 1000) / (window.to - window.from),
        updateP50: window.updateLatency.quantile(0.5),
        updateP95: window.updateLatency.quantile(0.95),
        updateP99: window.updateLatency.quantile(0.99),
        presenceP50: window.presenceLatency.quantile(0.5),
        presenceP95: window.presenceLatency.quantile(0.95),
        presenceP99: window.presenceLatency.quantile(0.99),
        replaced: (window.replacedPresence * 100) / Math.max(1, window.expectedPresence),
        returnP50: window.returnLatency.quantile(0.5),
        returnP95: window.returnLatency.quantile(0.95),
        eventLoopP99: eventLoop.p99,
        eventLoopWorst: eventLoop.worst,
        resident: resident / MEBIBYTE,
        othersBusy: cpu.others === undefined ? undefined : cpu.others * 100,
        generatorBusy: cpu.generator * 100,
      };
    } finally {
      load.leave();
    }
  });
}
