import { acknowledgement } from "./acknowledgement.ts";
import { capacity } from "./capacity.ts";
import { caseStudy } from "./case-study.ts";
import { caseStudyNoEcho } from "./case-study-no-echo.ts";
import { caseStudySmall } from "./case-study-small.ts";
import { crowd } from "./crowd.ts";
import { drawing } from "./drawing.ts";
import { idle } from "./idle.ts";
import { largeCrowd } from "./large-crowd.ts";
import { largeDocument } from "./large-document.ts";
import { latency } from "./latency.ts";
import { manyRooms } from "./many-rooms.ts";
import type { Measurement } from "./measurement.ts";
import { openDocuments } from "./open-documents.ts";
import { scaling } from "./scaling.ts";
import { soak } from "./soak.ts";
import { spread } from "./spread.ts";
import { start } from "./start.ts";
import { storm } from "./storm.ts";

/** All measurements, in the order in which they run and are printed. */
export const measurements: readonly Measurement[] = [
  caseStudy,
  caseStudyNoEcho,
  caseStudySmall,
  latency,
  spread,
  scaling,
  acknowledgement,
  capacity,
  crowd,
  largeCrowd,
  drawing,
  storm,
  idle,
  openDocuments,
  manyRooms,
  largeDocument,
  start,
  soak,
];
