import type { Workload } from "../workload/workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

const MEMBERS_PER_ROOM = 100;

export const crowd: Measurement = {
  name: "crowd",
  title: "Crowd: rooms of 100",
  columns: loadColumns,
  bars: [
    { text: "update p50 at most 15 ms", column: "updateP50", of: "value", atMost: 15 },
    { text: "update p95 at most 50 ms", column: "updateP95", of: "value", atMost: 50 },
    { text: "presence p95 at most 100 ms", column: "presenceP95", of: "value", atMost: 100 },
    {
      text: "CPU per delivery at most 0.4 times that of @y/websocket-server",
      column: "cpuPerDelivery",
      of: "ratio",
      atMost: 0.4,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) =>
    `Rooms of ${MEMBERS_PER_ROOM}: ${settings.crowdRooms}. Each member sends 1 update and 1 presence ` +
    "change a second, in shuffled order, and echoes presence that is new to it to the server, as " +
    `y-websocket 1 to 3 do. ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, crowdWorkload(context.settings.crowdRooms)),
};

function crowdWorkload(rooms: number): Workload {
  return {
    rooms,
    membersPerRoom: MEMBERS_PER_ROOM,
    updatesPerSecond: 1,
    presencePerSecond: 1,
    returnsPresence: true,
  };
}
