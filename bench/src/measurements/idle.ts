import { settledResidentBytes } from "../process/sampler.ts";
import { roomName } from "../workload/workload.ts";
import { IdleConnections } from "./idle-connections.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

const MEMBERS_PER_ROOM = 4;
const KIBIBYTE = 1024;

export const idle: Measurement = {
  name: "idle",
  title: "Idle connections",
  columns: [
    { key: "perConnection", label: "KiB per connection", digits: 2, compared: true },
    { key: "empty", label: "empty server RSS MiB", digits: 0 },
    { key: "full", label: "with connections MiB", digits: 0 },
  ],
  bars: [
    {
      text: "11 KB or less of memory per idle connection",
      column: "perConnection",
      of: "value",
      atMost: 11,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) =>
    `${settings.connections} connections in rooms of ${MEMBERS_PER_ROOM} that completed the handshake ` +
    "of a provider without content (both step 1 answered) and are then idle. The figure is the server's " +
    "resident memory minus that of the same server when empty, each read once it had settled, so it " +
    "includes the open rooms. Kernel memory is not included.",
  run: ({ contender, settings, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.server, async (server) => {
      const { pids, endpoint } = await server.start();
      const connections = new IdleConnections();
      try {
        const empty = await settledResidentBytes(pids);
        const rooms = Array.from({ length: settings.connections }, (_, index) =>
          roomName(Math.floor(index / MEMBERS_PER_ROOM)),
        );
        await connections.join(endpoint, rooms);
        const full = await settledResidentBytes(pids);
        connections.check();
        return {
          perConnection: (full - empty) / settings.connections / KIBIBYTE,
          empty: empty / KIBIBYTE ** 2,
          full: full / KIBIBYTE ** 2,
        };
      } finally {
        connections.close();
      }
    }),
};
