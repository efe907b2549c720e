import { symphony } from "../contenders/symphony.ts";
import type { Bar } from "../measurements/measurement.ts";
import { type ContenderResult, type MeasurementResult, medianOf, ratioOf } from "./results.ts";
import { table } from "./table.ts";

const NOTHING = "–";

/** One measurement as Markdown: what was done, the table of medians, refused contenders, the bars. */
export function report(result: MeasurementResult): string {
  const { measurement, description, contenders } = result;
  const header = measurement.columns.flatMap((column) =>
    column.compared ? [column.label, "× reference"] : [column.label],
  );
  const rows = contenders.map((contender) => [contender.contender, ...cells(result, contender)]);
  return [
    `## ${measurement.title}`,
    description,
    table(["contender", ...header], rows),
    ...contenders.flatMap(remarks),
    ...(measurement.bars.length === 0
      ? []
      : [measurement.bars.map((bar) => `- ${verdict(result, bar)}`).join("\n")]),
  ].join("\n\n");
}

function remarks({ contender, refused, disturbed, runs }: ContenderResult): string[] {
  if (refused !== undefined) return [`**${contender}: no figures.** ${refused}`];
  const left = runs.filter((figures) => figures === undefined).length;
  if (left === 0) return [];
  return [`**${contender}: ${left} of ${runs.length} runs left out.** Disturbed: ${disturbed}`];
}

/** Whether every bar that could be measured was reached and nobody was refused. */
export function isGood(result: MeasurementResult): boolean {
  const refused = result.contenders.some((contender) => contender.refused !== undefined);
  return !refused && result.measurement.bars.every((bar) => isReached(result, bar) !== false);
}

function cells(result: MeasurementResult, contender: ContenderResult): string[] {
  return result.measurement.columns.flatMap(({ key, digits, compared }) => {
    const value = format(medianOf(contender, key), digits);
    return compared ? [value, format(ratioOf(result, contender, key), 2)] : [value];
  });
}

function verdict(result: MeasurementResult, bar: Bar): string {
  const reached = isReached(result, bar);
  const value = valueFor(result, bar);
  const word = reached === undefined ? "not measured" : reached ? "reached" : "**not reached**";
  const figure = value === undefined ? "" : ` (${format(value, 2)}, at most ${bar.atMost})`;
  return `${bar.text}: ${word}${figure}`;
}

function isReached(result: MeasurementResult, bar: Bar): boolean | undefined {
  const value = valueFor(result, bar);
  return value === undefined ? undefined : value <= bar.atMost;
}

function valueFor(result: MeasurementResult, bar: Bar): number | undefined {
  const own = result.contenders.find(({ contender }) => contender === symphony.name);
  if (own === undefined) return undefined;
  return bar.of === "value" ? medianOf(own, bar.column) : ratioOf(result, own, bar.column);
}

function format(value: number | undefined, digits: number): string {
  return value === undefined ? NOTHING : value.toFixed(digits);
}
