import type { Workload } from "../workload/workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

const MEMBERS_PER_ROOM = 4;
const UPDATES_PER_SECOND = 30;

export const drawing: Measurement = {
  name: "drawing",
  title: "Drawing: 30 updates a second",
  columns: loadColumns.filter(({ key }) => !key.startsWith("presence")),
  bars: [],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) =>
    `${settings.drawingClients} clients in rooms of ${MEMBERS_PER_ROOM}. Each sends ` +
    `${UPDATES_PER_SECOND} updates a second, in shuffled order, and has no presence. ` +
    describeLoad(settings),
  run: (context) => measureLoad(context, drawingWorkload(context.settings.drawingClients)),
};

function drawingWorkload(clients: number): Workload {
  return {
    rooms: Math.ceil(clients / MEMBERS_PER_ROOM),
    membersPerRoom: MEMBERS_PER_ROOM,
    updatesPerSecond: UPDATES_PER_SECOND,
    presencePerSecond: 0,
    returnsPresence: false,
  };
}
