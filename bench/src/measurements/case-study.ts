import { setTimeout as delay } from "node:timers/promises";
import { CpuMeter } from "../process/cpu-meter.ts";
import { residentBytes } from "../process/sampler.ts";
import { checkWindow } from "../workload/check-window.ts";
import { checkConvergence } from "../workload/convergence.ts";
import { Load } from "../workload/load.ts";
import type { Workload } from "../workload/workload.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

const MEMBERS_PER_ROOM = 4;
const MEBIBYTE = 1024 * 1024;

export const caseStudy: Measurement = {
  name: "case-study",
  title: "Case study: rooms of 4",
  columns: [
    { key: "cpuPerDelivery", label: "CPU µs per delivery", digits: 2, compared: true },
    { key: "serverBusy", label: "server % of a core", digits: 1 },
    { key: "deliveries", label: "deliveries/s", digits: 0 },
    { key: "updateP50", label: "update p50 ms", digits: 1 },
    { key: "updateP95", label: "p95", digits: 1 },
    { key: "updateP99", label: "p99", digits: 1 },
    { key: "presenceP50", label: "presence p50 ms", digits: 1 },
    { key: "presenceP95", label: "p95", digits: 1 },
    { key: "presenceP99", label: "p99", digits: 1 },
    { key: "returnP50", label: "own update back p50 ms", digits: 1 },
    { key: "returnP95", label: "p95", digits: 1 },
    { key: "resident", label: "RSS MiB", digits: 0 },
    { key: "othersBusy", label: "others % of the server's core", digits: 1 },
    { key: "generatorBusy", label: "generator % of a core", digits: 1 },
  ],
  bars: [
    {
      text: "server CPU per delivery below that of @y/websocket-server",
      column: "cpuPerDelivery",
      of: "ratio",
      atMost: 1,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) =>
    `${settings.clients} clients in rooms of ${MEMBERS_PER_ROOM}. Each sends 1 update and 5 presence ` +
    "changes a second, in shuffled order, and sends presence that is new to it back to the server, as " +
    `y-websocket 1 to 3 do. ${settings.windowSeconds} s are measured after ${settings.warmUpSeconds} s ` +
    "of warm-up. A delivery is one update or presence change that one other member has to get; " +
    "returned presence and own updates that come back are work, but no deliveries. CPU is user and " +
    "system time of all threads of the server.",
  run: ({ contender, settings, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.server, async (server) => {
      const { pid, endpoint } = await server.start();
      const workload = caseStudyWorkload(settings.clients);
      const load = await Load.join(endpoint, workload);
      try {
        load.start();
        await delay(settings.warmUpSeconds * 1000);
        const meter = new CpuMeter(pid, cpus.server);
        const window = await load.measure(settings.windowSeconds);
        const cpu = meter.read();
        const resident = residentBytes(pid);
        await load.stop();
        checkWindow(window, cpu.others);
        if (contender.keepsState) await checkConvergence(endpoint, workload, load.ledger);
        return {
          cpuPerDelivery: (cpu.serverSeconds * 1e6) / window.expected,
          serverBusy: cpu.server * 100,
          deliveries: (window.expected * 1000) / (window.to - window.from),
          updateP50: window.updateLatency.quantile(0.5),
          updateP95: window.updateLatency.quantile(0.95),
          updateP99: window.updateLatency.quantile(0.99),
          presenceP50: window.presenceLatency.quantile(0.5),
          presenceP95: window.presenceLatency.quantile(0.95),
          presenceP99: window.presenceLatency.quantile(0.99),
          returnP50: window.returnLatency.quantile(0.5),
          returnP95: window.returnLatency.quantile(0.95),
          resident: resident / MEBIBYTE,
          othersBusy: cpu.others === undefined ? undefined : cpu.others * 100,
          generatorBusy: cpu.generator * 100,
        };
      } finally {
        load.leave();
      }
    }),
};

function caseStudyWorkload(clients: number): Workload {
  return {
    rooms: Math.ceil(clients / MEMBERS_PER_ROOM),
    membersPerRoom: MEMBERS_PER_ROOM,
    updatesPerSecond: 1,
    presencePerSecond: 5,
    returnsPresence: true,
  };
}
