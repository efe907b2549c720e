import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds, residentBytes } from "../process/sampler.ts";
import { checkConvergence } from "../workload/convergence.ts";
import { Load } from "../workload/load.ts";
import type { Window } from "../workload/window.ts";
import type { Workload } from "../workload/workload.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

const MEMBERS_PER_ROOM = 4;
const MEBIBYTE = 1024 * 1024;

/** Above this share of superseded presence a contender would be paid for work that it did not do. */
const TOLERATED_SUPERSEDED = 0.01;

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
        const serverCpu = cpuSeconds(pid);
        const generatorCpu = process.cpuUsage();
        const window = await load.measure(settings.windowSeconds);
        const serverSeconds = cpuSeconds(pid) - serverCpu;
        const generator = process.cpuUsage(generatorCpu);
        const resident = residentBytes(pid);
        await load.stop();
        checkDeliveries(window);
        if (contender.keepsState) await checkConvergence(endpoint, workload, load.ledger);
        const seconds = (window.to - window.from) / 1000;
        return {
          cpuPerDelivery: (serverSeconds * 1e6) / window.expected,
          serverBusy: (serverSeconds / seconds) * 100,
          deliveries: window.expected / seconds,
          updateP50: window.updateLatency.quantile(0.5),
          updateP95: window.updateLatency.quantile(0.95),
          updateP99: window.updateLatency.quantile(0.99),
          presenceP50: window.presenceLatency.quantile(0.5),
          presenceP95: window.presenceLatency.quantile(0.95),
          presenceP99: window.presenceLatency.quantile(0.99),
          returnP50: window.returnLatency.quantile(0.5),
          returnP95: window.returnLatency.quantile(0.95),
          resident: resident / MEBIBYTE,
          generatorBusy: ((generator.user + generator.system) / 1e6 / seconds) * 100,
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

/** Everyone has the newest of everything by now; this finds what they got only in part before. */
function checkDeliveries(window: Window): void {
  const updates = window.updateLatency.count;
  if (updates !== window.expectedUpdates) {
    throw new Error(`${updates} updates were delivered instead of ${window.expectedUpdates}`);
  }
  const presence = window.presenceLatency.count + window.supersededPresence;
  if (presence !== window.expectedPresence) {
    throw new Error(`${presence} presence changes were delivered, not ${window.expectedPresence}`);
  }
  const superseded = window.supersededPresence / Math.max(1, window.expectedPresence);
  if (superseded > TOLERATED_SUPERSEDED) {
    throw new Error(
      `${(superseded * 100).toFixed(1)} % of the presence was replaced before it was sent`,
    );
  }
}
