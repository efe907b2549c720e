import { hocuspocus } from "../contenders/hocuspocus.ts";
import { symphony } from "../contenders/symphony.ts";
import { symphonyCluster } from "../contenders/symphony-cluster.ts";
import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

export const caseStudySmall: Measurement = {
  name: "case-study-small",
  title: "Case study, small enough for Hocuspocus",
  reference: hocuspocus.name,
  columns: loadColumns,
  bars: [
    {
      text: "own update back p50 at most 8 ms, durable",
      column: "returnP50",
      contender: symphony.name,
      of: "value",
      atMost: 8,
    },
    {
      text: "own update back p95 at most 20 ms, durable",
      column: "returnP95",
      contender: symphony.name,
      of: "value",
      atMost: 20,
    },
    {
      text: "own update back p50 at most 8 ms, durable in PostgreSQL",
      column: "returnP50",
      contender: symphonyCluster.name,
      of: "value",
      atMost: 8,
    },
    {
      text: "own update back p95 at most 20 ms, durable in PostgreSQL",
      column: "returnP95",
      contender: symphonyCluster.name,
      of: "value",
      atMost: 20,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) => `${describeCaseStudy(settings.smallClients)} ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, caseStudyWorkload(context.settings.smallClients)),
};
