import { type MeasurementResult, medianOf } from "./results.ts";
import { STYLE } from "./style.ts";

const WIDTH = 720;
const LEFT = 60;
const RIGHT = 30;
const PLOT_HEIGHT = 300;
const ROW = 22;
/** Ticks on the horizontal axis are at least this far apart. */
const LABEL_DISTANCE = 36;

export interface Line {
  readonly column: string;
  readonly label: string;
  readonly dashed: boolean;
}

interface Point {
  readonly clients: number;
  readonly value: number;
}

interface Series {
  readonly label: string;
  readonly isFirst: boolean;
  readonly dashed: boolean;
  readonly points: readonly Point[];
}

type Scale = (value: number) => number;

/**
 * Renders columns of a measurement against its numbers of clients as an SVG image, both axes
 * logarithmic: one line per contender and column, the first contender in another colour. Rows
 * without a median have no point. Returns undefined if none has one.
 *
 * @param unit of the values, above the vertical axis
 */
export function lineChart(
  result: MeasurementResult,
  lines: readonly Line[],
  unit: string,
): string | undefined {
  const series = seriesOf(result, lines);
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return undefined;
  const counts = [...new Set(points.map(({ clients }) => clients))].sort((a, b) => a - b);
  const powers = powersOfTen(points.map(({ value }) => value));
  const top = ROW * (series.length + 2);
  const bottom = top + PLOT_HEIGHT;
  const x = logScale(counts, LEFT, WIDTH - RIGHT);
  const y = logScale(powers, bottom, top);
  const height = bottom + 2 * ROW + 8;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<title>${result.measurement.title}: ${lines.map(({ label }) => label).join(", ")}</title>`,
    `<style>${STYLE}</style>`,
    ...series.map((one, index) => legend(one, ROW * index + 16)),
    `<text x="${LEFT - 10}" y="${top - 14}" text-anchor="end">${unit}</text>`,
    ...powers.flatMap((power) => [
      `<path class="axis" d="M${LEFT} ${at(y(power))}H${WIDTH - RIGHT}"/>`,
      `<text x="${LEFT - 10}" y="${at(y(power) + 5)}" text-anchor="end">${power}</text>`,
    ]),
    ...spacedOut(counts, x).map(
      (count) =>
        `<text x="${at(x(count))}" y="${bottom + ROW}" text-anchor="middle">${count}</text>`,
    ),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 2 * ROW}" text-anchor="middle">clients</text>`,
    ...series.map((one) => draw(one, x, y)),
    "</svg>\n",
  ].join("\n");
}

function seriesOf({ contenders }: MeasurementResult, lines: readonly Line[]): readonly Series[] {
  const names = [...new Set(contenders.map(({ contender }) => contender))];
  const series = names.flatMap((name, index) =>
    lines.map(({ column, label, dashed }) => ({
      label: `${name}, ${label}`,
      isFirst: index === 0,
      dashed,
      points: contenders.flatMap((row): Point[] => {
        const value = row.contender === name ? medianOf(row, column) : undefined;
        const { clients } = row;
        // A logarithmic axis has no zero.
        return clients === undefined || value === undefined || value <= 0
          ? []
          : [{ clients, value }];
      }),
    })),
  );
  return series.filter(({ points }) => points.length > 0);
}

/** The powers of ten from just below the smallest value to just above the largest; at least two. */
function powersOfTen(values: readonly number[]): readonly number[] {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))));
  return Array.from({ length: last - first + 1 }, (_, index) => Number(`1e${first + index}`));
}

/** Maps the first and last of `domain` to `from` and `to`; one value alone to the middle. */
function logScale(domain: readonly number[], from: number, to: number): Scale {
  const least = Math.log(domain[0] ?? 1);
  const span = Math.log(domain.at(-1) ?? 1) - least;
  return (value) => from + (to - from) * (span === 0 ? 0.5 : (Math.log(value) - least) / span);
}

/** Leaves out labels that would overlap the previous one. */
function spacedOut(counts: readonly number[], x: Scale): readonly number[] {
  let previous = Number.NEGATIVE_INFINITY;
  return counts.filter((count) => {
    if (x(count) - previous < LABEL_DISTANCE) return false;
    previous = x(count);
    return true;
  });
}

function legend(series: Series, baseline: number): string {
  return [
    `<path${classes(series)} d="M${LEFT} ${baseline - 5}h36"/>`,
    `<text x="${LEFT + 46}" y="${baseline}">${series.label}</text>`,
  ].join("\n");
}

function draw(series: Series, x: Scale, y: Scale): string {
  const places = series.points.map(({ clients, value }) => [at(x(clients)), at(y(value))] as const);
  const dot = series.isFirst ? ' class="first"' : "";
  return [
    `<path${classes(series)} d="M${places.map((place) => place.join(" ")).join("L")}"/>`,
    ...places.map(([left, down]) => `<circle${dot} cx="${left}" cy="${down}" r="3"/>`),
  ].join("\n");
}

function classes({ isFirst, dashed }: Series): string {
  const names = [...(isFirst ? ["first"] : []), ...(dashed ? ["dashed"] : [])];
  return names.length === 0 ? "" : ` class="${names.join(" ")}"`;
}

function at(place: number): string {
  return place.toFixed(1);
}
