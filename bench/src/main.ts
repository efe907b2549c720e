import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readOptionsOrExit } from "./command-line.ts";
import { caseStudy } from "./measurements/case-study.ts";
import { HELP, type Options, readOptions } from "./options.ts";
import { cleanUpAtExit } from "./process/children.ts";
import { moveThisProcess, planCpus } from "./process/cpus.ts";
import { chart } from "./report/chart.ts";
import { describeMachine } from "./report/machine.ts";
import { isGood, report } from "./report/report.ts";
import type { MeasurementResult } from "./report/results.ts";
import { runMeasurement } from "./runner.ts";

const RESULTS_FILE = fileURLToPath(new URL("../RESULTS.md", import.meta.url));
const CHART_FILE = fileURLToPath(new URL("../results.svg", import.meta.url));

async function main(options: Options): Promise<void> {
  cleanUpAtExit();
  const cpus = planCpus();
  moveThisProcess(cpus.generator);
  const { contenders, settings, runs } = options;
  const results: MeasurementResult[] = [];
  for (const measurement of options.measurements) {
    const result = await runMeasurement(measurement, {
      contenders,
      settings,
      runs,
      cpus,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(`\n${report(result)}\n\n`);
    results.push(result);
  }
  await Promise.all(contenders.map((contender) => contender.release?.()));
  if (options.write) write(options, describeMachine(cpus), results);
  if (!results.every(isGood)) process.exitCode = 1;
}

function write(options: Options, machine: string, results: readonly MeasurementResult[]): void {
  const study = results.find(({ measurement }) => measurement === caseStudy);
  const image = study === undefined ? undefined : chart(study, "cpuPerDelivery");
  if (image !== undefined) writeFileSync(CHART_FILE, image);
  writeFileSync(RESULTS_FILE, page(options, machine, results, image !== undefined));
  process.stdout.write(`written to ${RESULTS_FILE}\n`);
}

function page(
  options: Options,
  machine: string,
  results: readonly MeasurementResult[],
  hasChart: boolean,
): string {
  const date = new Date().toISOString().slice(0, 10);
  return `${[
    "# Measurements",
    `Written by \`npm run bench\` on ${date}; README.md says how to read and repeat it. Medians of ` +
      `${options.runs} runs or more, and of the ratios within each run.`,
    machine,
    options.contenders.map(({ name, description }) => `- **${name}**: ${description}`).join("\n"),
    ...(hasChart ? ["![Case study: CPU of the server per delivery](results.svg)"] : []),
    ...results.map(report),
  ].join("\n\n")}\n`;
}

const options = readOptionsOrExit(readOptions, HELP);
if (options.help) process.stdout.write(HELP);
else await main(options);
