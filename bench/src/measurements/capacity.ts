import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { GeneratorFull } from "../workload/generator-full.ts";
import { Overloaded } from "../workload/overloaded.ts";
import { findLargest, type Trial } from "./find-largest.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Figures, Measurement, RunContext } from "./measurement.ts";

/** Per cent of a core. The rest is headroom for bursts. */
const FULL = 92;

interface LoadTrial extends Trial {
  /** Undefined if that many clients were too many. */
  readonly figures?: Figures;
  readonly generatorFull: boolean;
}

export const capacity: Measurement = {
  name: "capacity",
  title: "Capacity of one core",
  columns: [
    { key: "clients", label: "clients", digits: 0, compared: true },
    ...loadColumns.map((column) => ({ ...column, compared: false })),
  ],
  bars: [
    {
      text: "3,300 clients or more on one core",
      column: "clients",
      of: "value",
      atLeast: 3300,
    },
    {
      text: "at that number, 95 of 100 updates reach another member within 150 ms",
      column: "updateP95",
      of: "value",
      atMost: 150,
    },
  ],
  minimumRuns: 1,
  takesPart: () => true,
  describe: (settings) =>
    `The largest case study that keeps the server's core at most ${FULL} % busy, with its work done in ` +
    `time, to within about 3 %, and the figures of that one. Tried first: ` +
    `${describeCaseStudy(settings.clients)} ${describeLoad(settings)}`,
  remark: ({ generatorFull }) =>
    generatorFull === 1
      ? "the load generator was the limit: the server may carry more clients than it could offer."
      : undefined,
  run: async (context: RunContext): Promise<Figures> => {
    const { largest, tooMuch } = await findLargest(context.settings.clients, (clients) =>
      offer(context, clients),
    );
    if (largest === undefined) throw new Error(`${tooMuch?.size} clients were too many`);
    return {
      ...largest.result.figures,
      clients: largest.size,
      generatorFull: tooMuch?.result.generatorFull ? 1 : 0,
    };
  },
};

async function offer(context: RunContext, clients: number): Promise<LoadTrial> {
  try {
    const figures = await measureLoad(context, caseStudyWorkload(clients));
    const { serverBusy = 0 } = figures;
    return { fullness: serverBusy / FULL, figures, generatorFull: false };
  } catch (error) {
    const generatorFull = error instanceof GeneratorFull;
    if (!generatorFull && !(error instanceof Overloaded)) throw error;
    return { fullness: Number.POSITIVE_INFINITY, generatorFull };
  }
}
