import type { Figures, Measurement, RunContext } from "./measurement.ts";
import { withServer } from "./server-under-test.ts";

export const start: Measurement = {
  name: "start",
  title: "Start",
  columns: [{ key: "startMs", label: "ms until it listens", digits: 0, compared: true }],
  bars: [
    {
      text: "first start of an empty store under 1 s",
      column: "startMs",
      of: "value",
      atMost: 1000,
    },
  ],
  minimumRuns: 5,
  takesPart: () => true,
  describe: () =>
    "From spawning the process to the line that says it listens, with an empty store, on all cores.",
  run: ({ contender, cpus }: RunContext): Promise<Figures> =>
    withServer(contender, cpus.all, async (server) => {
      const { startMs } = await server.start();
      return { startMs };
    }),
};
