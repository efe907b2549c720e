import { setTimeout as delay } from "node:timers/promises";
import { fetchDocument, join } from "../client/join.ts";
import { SYNC_UPDATE, syncMessage } from "../client/messages.ts";
import type { Endpoint, WebSocketClient } from "../client/websocket-client.ts";
import { CpuMeter, type CpuUse } from "../process/cpu-meter.ts";
import { checkConvergence } from "../workload/convergence.ts";
import { Disturbed } from "../workload/disturbed.ts";
import { Joiners } from "../workload/joiners.ts";
import { Load } from "../workload/load.ts";
import { holdsSample, type SampleDocument, sampleDocument } from "../workload/sample-document.ts";
import type { Window } from "../workload/window.ts";
import type { Workload } from "../workload/workload.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

const DOCUMENT_BYTES = 20_000_000;
const ROOM = "bench-large-document";
const JOINERS = 20;
/** Stalls that begin once the last joiner has everything still count as caused by the join. */
const AFTERMATH_MS = 1000;
/** Share of the server's core used by others while no client joins: they could cause a stall. */
const TOLERATED_OTHERS = 0.05;
const WRITE_LIMIT_MS = 120_000;
const WRITE_POLL_MS = 500;

const smallRooms: Workload = {
  rooms: 50,
  membersPerRoom: 2,
  updatesPerSecond: 10,
  presencePerSecond: 0,
  returnsPresence: false,
};

export const largeDocument: Measurement = {
  name: "large-document",
  title: "Large document",
  columns: [
    { key: "quietWorst", label: "worst ms, no joins", digits: 1 },
    { key: "openWorst", label: "worst ms, first opens from store", digits: 1 },
    { key: "joinWorst", label: `worst ms, ${JOINERS} join`, digits: 1, compared: true },
    { key: "joinP99", label: "p99", digits: 1 },
    { key: "joinedAfter", label: "ms until all have it", digits: 0 },
    { key: "cpuPerJoiner", label: "CPU ms per joiner", digits: 1, compared: true },
    { key: "othersBusy", label: "others % of the server's core", digits: 1 },
    { key: "generatorWorst", label: "generator late by ms", digits: 1 },
  ],
  bars: [
    {
      text: "joining a 20 MB document never stalls another room for more than 50 ms",
      column: "joinWorst",
      of: "value",
      atMost: 50,
    },
    {
      text: "opening a 20 MB document from the store never stalls another room for more than 50 ms",
      column: "openWorst",
      of: "value",
      atMost: 50,
    },
  ],
  minimumRuns: 1,
  takesPart: (contender) => contender.keepsState,
  describe: (settings) =>
    `${smallRooms.rooms} rooms of ${smallRooms.membersPerRoom} in which each member types ` +
    `${smallRooms.updatesPerSecond} updates a second, and a document of ${DOCUMENT_BYTES / 1e6} MB in ` +
    "another room. The figures are the worst latency in the small rooms: for " +
    `${settings.windowSeconds} s without joins; while one client opens the large document, which a ` +
    `restarted server first has to load (only servers that store documents); and while ${JOINERS} more ` +
    "clients join it at once. The joining clients run in a separate process from the measuring ones.",
  run: ({ contender, settings, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.server, async (server) => {
      const sample = sampleDocument(DOCUMENT_BYTES);
      const first = await server.start();
      const writer = await writeDocument(first.endpoint, sample);
      if (contender.persists) writer.close();
      const { pids, endpoint } = contender.persists ? await server.restart() : first;
      const joiners = await Joiners.prepare();
      const load = await Load.join(endpoint, smallRooms);
      try {
        load.start();
        await delay(settings.warmUpSeconds * 1000);
        const quietMeter = new CpuMeter(pids, cpus.server);
        const quiet = await load.measure(settings.windowSeconds);
        const quietCpu = quietMeter.read();
        const opening = contender.persists
          ? await joinWhileTyping(load, joiners, endpoint, 1)
          : undefined;
        const meter = new CpuMeter(pids, cpus.server);
        const joining = await joinWhileTyping(load, joiners, endpoint, JOINERS);
        const cpu = meter.read();
        const seconds = (joining.window.to - joining.window.from) / 1000;
        const secondsOfJoining = cpu.serverSeconds - quietCpu.server * seconds;
        await load.stop();
        checkUndisturbed(quietCpu);
        await joiners.check(sample);
        await checkConvergence(endpoint, smallRooms, load.ledger);
        return {
          quietWorst: quiet.updateLatency.largest,
          openWorst: opening?.window.updateLatency.largest,
          joinWorst: joining.window.updateLatency.largest,
          joinP99: joining.window.updateLatency.quantile(0.99),
          joinedAfter: joining.milliseconds,
          cpuPerJoiner: (secondsOfJoining * 1000) / JOINERS,
          othersBusy: cpu.others === undefined ? undefined : cpu.others * 100,
          generatorWorst: joining.window.worstLateness,
        };
      } finally {
        load.leave();
        joiners.end();
        writer.close();
      }
    }),
};

interface Joining {
  readonly window: Window;
  readonly milliseconds: number;
}

async function joinWhileTyping(
  load: Load,
  joiners: Joiners,
  endpoint: Endpoint,
  count: number,
): Promise<Joining> {
  const window = load.openWindow();
  const milliseconds = await joiners.join(endpoint, ROOM, count);
  await delay(AFTERMATH_MS);
  window.to = performance.now();
  return { window, milliseconds };
}

function checkUndisturbed({ others = 0 }: CpuUse): void {
  if (others > TOLERATED_OTHERS) {
    throw new Disturbed(`other programs used ${(others * 100).toFixed(1)} % of the server's core`);
  }
}

/** Resolves once a new client gets the whole document while its author is still connected. */
async function writeDocument(endpoint: Endpoint, sample: SampleDocument): Promise<WebSocketClient> {
  let lost: string | undefined;
  const { client } = await join(endpoint, ROOM, (reason) => {
    lost = reason;
  });
  for (const update of sample.updates) client.send(syncMessage(SYNC_UPDATE, update));
  const deadline = Date.now() + WRITE_LIMIT_MS;
  while (!holdsSample(await fetchDocument(endpoint, ROOM), sample)) {
    if (lost !== undefined) throw new Error(`writing the large document: ${lost}`);
    if (Date.now() > deadline)
      throw new Error("the server did not accept the large document in time");
    await delay(WRITE_POLL_MS);
  }
  return client;
}
