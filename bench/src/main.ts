import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readOptionsOrExit } from "./command-line.ts";
import { contenders } from "./contenders/all.ts";
import { caseStudy } from "./measurements/case-study.ts";
import { latency } from "./measurements/latency.ts";
import { HELP, type Options, readOptions } from "./options.ts";
import { cleanUpAtExit } from "./process/children.ts";
import { moveThisProcess, planCpus } from "./process/cpus.ts";
import { chart } from "./report/chart.ts";
import { type Line, lineChart } from "./report/line-chart.ts";
import { describeMachine } from "./report/machine.ts";
import { isGood, report } from "./report/report.ts";
import type { MeasurementResult } from "./report/results.ts";
import { renewPage } from "./report/results-page.ts";
import { runMeasurement } from "./runner.ts";

const RESULTS_FILE = fileURLToPath(new URL("../RESULTS.md", import.meta.url));
const CHART_FILE = fileURLToPath(new URL("../results.svg", import.meta.url));
const LATENCY_CHART_FILE = fileURLToPath(new URL("../latency.svg", import.meta.url));
const LATENCY_LINES: readonly Line[] = [
  { column: "updateP50", label: "update p50", dashed: false },
  { column: "updateP95", label: "update p95", dashed: true },
];

async function main(options: Options): Promise<void> {
  cleanUpAtExit();
  const cpus = planCpus();
  moveThisProcess(cpus.generator);
  const { settings, runs } = options;
  const results: MeasurementResult[] = [];
  for (const measurement of options.measurements) {
    const result = await runMeasurement(measurement, {
      contenders: options.contenders,
      settings,
      runs,
      cpus,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`\n${report(result)}\n\n`);
    results.push(result);
  }
  await Promise.all(options.contenders.map((contender) => contender.release?.()));
  if (options.write) write(describeMachine(cpus), results);
  if (!results.every(isGood)) process.exitCode = 1;
}

function write(machine: string, results: readonly MeasurementResult[]): void {
  for (const result of results) {
    if (result.measurement === caseStudy) writeImage(CHART_FILE, chart(result, "cpuPerDelivery"));
    if (result.measurement === latency) {
      writeImage(LATENCY_CHART_FILE, lineChart(result, LATENCY_LINES, "ms"));
    }
  }
  const date = new Date().toISOString().slice(0, 10);
  const sections = results.map((result) => {
    const runs = Math.max(...result.contenders.map((contender) => contender.runs.length));
    return report(result, `Measured on ${date}, in ${runs} ${runs === 1 ? "run" : "runs"}.`);
  });
  const page = existsSync(RESULTS_FILE) ? readFileSync(RESULTS_FILE, "utf8") : "";
  writeFileSync(RESULTS_FILE, renewPage(page, head(machine), sections));
  process.stdout.write(`written to ${RESULTS_FILE}\n`);
}

function writeImage(file: string, image: string | undefined): void {
  if (image !== undefined) writeFileSync(file, image);
}

function head(machine: string): string {
  return [
    "# Measurements",
    "Written by `npm run bench -- --write`; README.md explains how to read and repeat it. Figures are medians, " +
      "and medians of the ratios within each run.",
    machine,
    contenders.map(({ name, description }) => `- **${name}**: ${description}`).join("\n"),
    ...(existsSync(CHART_FILE)
      ? ["![Case study: CPU of the server per delivery](results.svg)"]
      : []),
    ...(existsSync(LATENCY_CHART_FILE)
      ? ["![Latency of updates by number of clients](latency.svg)"]
      : []),
  ].join("\n\n");
}

const options = readOptionsOrExit(readOptions, HELP);
if (options.help) process.stdout.write(HELP);
else await main(options);
