import {
  caseStudyWithoutEcho,
  describeCaseStudyWithoutEcho,
} from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";

export const caseStudyNoEcho: Measurement = {
  name: "case-study-no-echo",
  title: "Case study without echoed presence",
  columns: loadColumns,
  bars: [],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) =>
    `${describeCaseStudyWithoutEcho(settings.clients)} ${describeLoad(settings)}`,
  run: (context) => measureLoad(context, caseStudyWithoutEcho(context.settings.clients)),
};
