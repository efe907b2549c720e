import { caseStudy } from "./case-study.ts";
import { idle } from "./idle.ts";
import { largeDocument } from "./large-document.ts";
import type { Measurement } from "./measurement.ts";
import { openDocuments } from "./open-documents.ts";
import { start } from "./start.ts";

/** In the order in which they run and are printed. */
export const measurements: readonly Measurement[] = [
  caseStudy,
  idle,
  openDocuments,
  largeDocument,
  start,
];
