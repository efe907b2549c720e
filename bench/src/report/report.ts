import { symphony } from "../contenders/symphony.ts";
import type { Bar, Measurement } from "../measurements/measurement.ts";
import {
  type ContenderResult,
  type MeasurementResult,
  medianOf,
  ratioOf,
  referenceOf,
} from "./results.ts";
import { table } from "./table.ts";

const NOTHING = "–";

/**
 * Renders one measurement as Markdown: what was done, the table of medians, refused contenders, the
 * targets.
 *
 * @param when it was measured, for a page that is kept
 */
export function report(result: MeasurementResult, when?: string): string {
  const { measurement, description, contenders } = result;
  const header = measurement.columns.flatMap((column) =>
    column.compared ? [column.label, `× ${referenceOf(measurement)}`] : [column.label],
  );
  const rows = contenders.map((contender) => [contender.contender, ...cells(result, contender)]);
  return [
    `## ${measurement.title}`,
    when === undefined ? description : `${description} ${when}`,
    table(["contender", ...header], rows),
    ...contenders.flatMap((contender) => remarks(measurement, contender)),
    ...(measurement.bars.length === 0
      ? []
      : [measurement.bars.map((bar) => `- ${verdict(result, bar)}`).join("\n")]),
  ].join("\n\n");
}

function remarks(
  { remark }: Measurement,
  { contender, refused, disturbed, runs }: ContenderResult,
): string[] {
  if (refused !== undefined) return [`**${contender}: no figures.** ${refused}`];
  const measured = runs.filter((figures) => figures !== undefined);
  const remarked = new Set(measured.map((figures) => remark?.(figures)));
  const lines = [...remarked].flatMap((text) =>
    text === undefined ? [] : [`**${contender}:** ${text}`],
  );
  const left = runs.length - measured.length;
  if (left === 0) return lines;
  const leftOut = `**${contender}: ${left} of ${runs.length} runs left out.** Disturbed: ${disturbed}`;
  return [...lines, leftOut];
}

/** Whether every measured target was reached and no contender was refused. */
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
  const limit = "atMost" in bar ? `at most ${short(bar.atMost)}` : `at least ${short(bar.atLeast)}`;
  const figure = value === undefined ? "" : ` (${format(value, 2)}, ${limit})`;
  return `${bar.text}: ${word}${figure}`;
}

function isReached(result: MeasurementResult, bar: Bar): boolean | undefined {
  const value = valueFor(result, bar);
  if (value === undefined) return undefined;
  return "atMost" in bar ? value <= bar.atMost : value >= bar.atLeast;
}

function valueFor(result: MeasurementResult, bar: Bar): number | undefined {
  const own = result.contenders.find(
    ({ contender }) => contender === (bar.contender ?? symphony.name),
  );
  if (own === undefined) return undefined;
  return bar.of === "value" ? medianOf(own, bar.column) : ratioOf(result, own, bar.column, bar.to);
}

function short(limit: number): number {
  return Number(limit.toFixed(2));
}

function format(value: number | undefined, digits: number): string {
  return value === undefined ? NOTHING : value.toFixed(digits);
}
