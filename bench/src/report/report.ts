import { symphony } from "../contenders/symphony.ts";
import type { Bar, Measurement, Target } from "../measurements/measurement.ts";
import {
  type ContenderResult,
  describeRow,
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
  return [
    `## ${measurement.title}`,
    when === undefined ? description : `${description} ${when}`,
    figures(result),
    ...contenders.flatMap((contender) => remarks(measurement, contender)),
    ...(measurement.bars.length === 0
      ? []
      : [measurement.bars.map((bar) => `- ${verdict(result, bar)}`).join("\n")]),
  ].join("\n\n");
}

/**
 * Renders the table of medians. With several numbers of clients, the row of a refused contender says
 * why: its other rows may have figures.
 */
function figures(result: MeasurementResult): string {
  const { measurement, contenders } = result;
  const columns = measurement.columns.flatMap((column) =>
    column.compared ? [column.label, `× ${referenceOf(measurement)}`] : [column.label],
  );
  if (!hasClientCounts(measurement)) {
    const rows = contenders.map((contender) => [contender.contender, ...cells(result, contender)]);
    return table(["contender", ...columns], rows);
  }
  const isRefused = contenders.some(({ refused }) => refused !== undefined);
  const rows = contenders.map((contender) => [
    contender.contender,
    String(contender.clients),
    ...cells(result, contender),
    ...(isRefused ? [asCell(contender.refused ?? "")] : []),
  ]);
  const reason = isRefused ? ["no figures because"] : [];
  return table(["contender", "clients", ...columns, ...reason], rows);
}

function hasClientCounts({ clientCounts }: Measurement): boolean {
  return clientCounts !== undefined;
}

function asCell(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}

function remarks(measurement: Measurement, result: ContenderResult): string[] {
  const { refused, disturbed, runs } = result;
  const row = describeRow(result);
  if (refused !== undefined) {
    return hasClientCounts(measurement) ? [] : [`**${row}: no figures.** ${refused}`];
  }
  const measured = runs.filter((figures) => figures !== undefined);
  const remarked = new Set(measured.map((figures) => measurement.remark?.(figures)));
  const lines = [...remarked].flatMap((text) =>
    text === undefined ? [] : [`**${row}:** ${text}`],
  );
  const left = runs.length - measured.length;
  if (left === 0) return lines;
  const leftOut = `**${row}: ${left} of ${runs.length} runs left out.** Disturbed: ${disturbed}`;
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
  const figure = value === undefined ? "" : ` (${withLimits(result, bar)})`;
  return `${bar.text}: ${word}${figure}`;
}

function withLimits(result: MeasurementResult, target: Target): string {
  const limit =
    "atMost" in target ? `at most ${short(target.atMost)}` : `at least ${short(target.atLeast)}`;
  const alternative = target.or === undefined ? "" : `; or ${withLimits(result, target.or)}`;
  return `${format(valueFor(result, target), 2)}, ${limit}${alternative}`;
}

function isReached(result: MeasurementResult, target: Target): boolean | undefined {
  const value = valueFor(result, target);
  if (value === undefined) return undefined;
  if ("atMost" in target ? value <= target.atMost : value >= target.atLeast) return true;
  return target.or !== undefined && isReached(result, target.or) === true;
}

/** The worst value of all rows to which the target applies; undefined if one of them has none. */
function valueFor(result: MeasurementResult, target: Target): number | undefined {
  const [least, most] = target.clients ?? [0, Number.POSITIVE_INFINITY];
  const own = result.contenders.filter(
    ({ contender, clients = least }) =>
      contender === (target.contender ?? symphony.name) && clients >= least && clients <= most,
  );
  const values = own.map((row) =>
    target.of === "value"
      ? medianOf(row, target.column)
      : ratioOf(result, row, target.column, target.to),
  );
  const measured = values.filter((value) => value !== undefined);
  if (measured.length === 0 || measured.length < values.length) return undefined;
  return "atMost" in target ? Math.max(...measured) : Math.min(...measured);
}

function short(limit: number): number {
  return Number(limit.toFixed(2));
}

function format(value: number | undefined, digits: number): string {
  return value === undefined ? NOTHING : value.toFixed(digits);
}
