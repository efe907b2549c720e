import { floor } from "../contenders/floor.ts";
import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

export const caseStudy: Measurement = {
  name: "case-study",
  title: "Case study: rooms of 4",
  columns: loadColumns,
  bars: [
    {
      text: "CPU per delivery at most 0.8 times that of @y/websocket-server",
      column: "cpuPerDelivery",
      of: "ratio",
      atMost: 0.8,
    },
    {
      text: "at most 1.25 times that of the floor, which writes each message separately",
      column: "cpuPerDelivery",
      of: "ratio",
      to: floor.name,
      atMost: 1.25,
    },
    {
      text: "95 of 100 updates reach another member within 150 ms",
      column: "updateP95",
      of: "value",
      atMost: 150,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) => `${describeCaseStudy(settings.clients)} ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, caseStudyWorkload(context.settings.clients)),
};
