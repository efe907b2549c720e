import { hocuspocusRedis } from "../contenders/hocuspocus-redis.ts";
import { symphonyClusterOfThree } from "../contenders/symphony-cluster-of-three.ts";
import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

export const spread: Measurement = {
  name: "spread",
  title: "Rooms spread over three servers",
  reference: hocuspocusRedis.name,
  columns: loadColumns,
  bars: [
    {
      text: "update p50 at most 12 ms",
      column: "updateP50",
      contender: symphonyClusterOfThree.name,
      of: "value",
      atMost: 12,
    },
    {
      text: "update p95 at most 30 ms",
      column: "updateP95",
      contender: symphonyClusterOfThree.name,
      of: "value",
      atMost: 30,
    },
  ],
  minimumRuns: 1,
  takesPart: ({ measurements = [] }) => measurements.includes("spread"),
  describe: (settings) =>
    `${describeCaseStudy(settings.spreadClients)} The members of each room are connected to three ` +
    "servers in turn, so each room is open on all of them. CPU and memory are those of all three " +
    `together, without the services that they use. ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, caseStudyWorkload(context.settings.spreadClients)),
};
