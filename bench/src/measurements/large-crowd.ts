import { symphony } from "../contenders/symphony.ts";
import type { Workload } from "../workload/workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

const room: Workload = {
  rooms: 1,
  membersPerRoom: 1000,
  updatesPerSecond: 0,
  presencePerSecond: 1,
  returnsPresence: true,
};

export const largeCrowd: Measurement = {
  name: "large-crowd",
  title: "Crowd: a room of 1,000",
  columns: loadColumns.filter(({ key }) => !key.startsWith("update") && !key.startsWith("return")),
  bars: [
    {
      text: "one core carries a room of 1,000 without being saturated",
      column: "serverBusy",
      of: "value",
      atMost: 99,
    },
    { text: "presence p95 at most 200 ms", column: "presenceP95", of: "value", atMost: 200 },
  ],
  minimumRuns: 1,
  takesPart: ({ name }) => name === symphony.name,
  describe: (settings) =>
    `One room of ${room.membersPerRoom}. Each member sends 1 presence change a second, in shuffled ` +
    "order, and echoes presence that is new to it to the server, as y-websocket 1 to 3 do. This makes " +
    "a million deliveries a second: the others, for which each is a separate message, cannot take " +
    `part. ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, room),
};
