import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Contender } from "../src/contenders/contender.ts";
import { reference } from "../src/contenders/reference.ts";
import { SYMPHONY_ENTRY, symphony } from "../src/contenders/symphony.ts";
import { latency } from "../src/measurements/latency.ts";
import { readOptions } from "../src/options.ts";
import { moveThisProcess, planCpus } from "../src/process/cpus.ts";
import { report } from "../src/report/report.ts";
import { medianOf, ratioOf } from "../src/report/results.ts";
import { runMeasurement } from "../src/runner.ts";

// Notices when this server gets much slower, on machines that measure nothing exactly: the limits are far
// above what an idle machine shows. It runs when all other tests are done.

const UPDATE_P50_LIMIT_MS = 10;
const CPU_RATIO_LIMIT = 1.3;

const cpus = planCpus();

beforeEach(() => moveThisProcess(cpus.generator));
afterEach(() => moveThisProcess(cpus.all));

/** Measures with this many clients, each contender in turn. */
async function measured(clients: number, contenders: readonly Contender[], runs: number) {
  expect(existsSync(SYMPHONY_ENTRY), "first run `npm run build -w symphony-backend`").toBe(true);
  const options = ["--latency-clients", String(clients), "--warm-up", "3", "--seconds", "4"];
  const result = await runMeasurement(latency, {
    contenders,
    settings: readOptions(options).settings,
    runs,
    cpus,
    progress: () => undefined,
  });
  const table = report(result);
  const own = result.contenders.find(({ contender }) => contender === symphony.name);
  if (own === undefined) throw new Error(table);
  return { result, own, table };
}

test("with 40 clients, updates arrive soon", async () => {
  const { own, table } = await measured(40, [symphony], 1);
  expect(medianOf(own, "updateP50"), table).toBeLessThanOrEqual(UPDATE_P50_LIMIT_MS);
});

// With 40 clients the ratio says little: each update is a commit of its own, and the reference makes none.
test("with 400 clients, deliveries cost about as much as with the reference", async () => {
  const { result, own, table } = await measured(400, [symphony, reference], 3);
  expect(ratioOf(result, own, "cpuPerDelivery"), table).toBeLessThanOrEqual(CPU_RATIO_LIMIT);
});
