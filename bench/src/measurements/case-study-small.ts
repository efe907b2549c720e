import { hocuspocus } from "../contenders/hocuspocus.ts";
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
      text: "server CPU per delivery at most a ninth of that of Hocuspocus",
      column: "cpuPerDelivery",
      of: "ratio",
      atMost: 1 / 9,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) => `${describeCaseStudy(settings.smallClients)} ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, caseStudyWorkload(context.settings.smallClients)),
};
