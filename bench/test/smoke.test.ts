import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reference } from "../src/contenders/reference.ts";
import { SYMPHONY_ENTRY, symphony } from "../src/contenders/symphony.ts";
import { latency } from "../src/measurements/latency.ts";
import { readOptions } from "../src/options.ts";
import { moveThisProcess, planCpus } from "../src/process/cpus.ts";
import { report } from "../src/report/report.ts";
import { medianOf, ratioOf } from "../src/report/results.ts";
import { runMeasurement } from "../src/runner.ts";

// Notices when this server gets much slower. The limits are looser than the targets of `latency`, because a
// busy machine measures nothing exactly: each figure is the median of three runs in turn with the reference,
// and the CPU is a ratio within each run. It runs when all other tests are done.

const UPDATE_P50_LIMIT_MS = 10;
const CPU_RATIO_LIMIT = 1.3;
const RUNS = 3;

const SETTINGS = ["--latency-clients", "40", "--warm-up", "3", "--seconds", "4"];

const cpus = planCpus();

beforeEach(() => moveThisProcess(cpus.generator));
afterEach(() => moveThisProcess(cpus.all));

test("with 40 clients, updates arrive soon and cost about as much as with the reference", async () => {
  expect(existsSync(SYMPHONY_ENTRY), "first run `npm run build -w symphony-backend`").toBe(true);
  const result = await runMeasurement(latency, {
    contenders: [symphony, reference],
    settings: readOptions(SETTINGS).settings,
    runs: RUNS,
    cpus,
    progress: () => undefined,
  });
  const table = report(result);
  const own = result.contenders.find(({ contender }) => contender === symphony.name);
  if (own === undefined) throw new Error(table);
  expect(medianOf(own, "updateP50"), table).toBeLessThanOrEqual(UPDATE_P50_LIMIT_MS);
  expect(ratioOf(result, own, "cpuPerDelivery"), table).toBeLessThanOrEqual(CPU_RATIO_LIMIT);
});
