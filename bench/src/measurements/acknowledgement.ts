import { symphony } from "../contenders/symphony.ts";
import { symphonyCluster } from "../contenders/symphony-cluster.ts";
import { caseStudyWorkload } from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

export const acknowledgement: Measurement = {
  name: "acknowledgement",
  title: "Durable acknowledgement",
  reference: symphony.name,
  columns: loadColumns,
  bars: [
    {
      text: "own update back, durable in PostgreSQL, within 50 ms for 95 of 100",
      column: "returnP95",
      contender: symphonyCluster.name,
      of: "value",
      atMost: 50,
    },
  ],
  minimumRuns: 1,
  takesPart: ({ persists }) => persists,
  describe: (settings) =>
    `${settings.clients} clients in rooms of 4 send 1 update a second each, as in the case study, but ` +
    "only 1 presence change: the load generator shares its core with PostgreSQL and the other " +
    `services, and would otherwise be the bottleneck. ${describeLoad(settings)} An update comes back ` +
    "to its sender once it is durable.",
  run: (context) =>
    measureLoad(context, {
      ...caseStudyWorkload(context.settings.clients),
      presencePerSecond: 1,
    }),
};
