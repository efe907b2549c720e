import { type MeasurementResult, medianOf } from "./results.ts";
import { STYLE } from "./style.ts";

const WIDTH = 720;
const LABELS = 200;
const VALUES = 70;
const ROW = 32;
const BAR = 20;

/**
 * Renders one column of a measurement as an SVG image: a bar for each contender that has a median,
 * the first one in another colour. Returns undefined if there are none.
 */
export function chart(result: MeasurementResult, column: string): string | undefined {
  const { label = column, digits = 0 } =
    result.measurement.columns.find(({ key }) => key === column) ?? {};
  const bars = result.contenders.flatMap((contender) => {
    const value = medianOf(contender, column);
    return value === undefined ? [] : [{ name: contender.contender, value }];
  });
  if (bars.length === 0) return undefined;
  const largest = Math.max(...bars.map(({ value }) => value));
  const longest = WIDTH - LABELS - VALUES;
  const rows = bars.map(({ name, value }, index) => {
    const top = ROW * (index + 1);
    const length = largest === 0 ? 0 : (longest * value) / largest;
    const baseline = top + BAR - 5;
    return [
      `<text x="${LABELS - 8}" y="${baseline}" text-anchor="end">${name}</text>`,
      `<rect${index === 0 ? ' class="first"' : ""} x="${LABELS}" y="${top}" width="${length.toFixed(1)}" height="${BAR}"/>`,
      `<text x="${(LABELS + length + 8).toFixed(1)}" y="${baseline}">${value.toFixed(digits)}</text>`,
    ].join("\n");
  });
  const height = ROW * (bars.length + 1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">`,
    `<title>${result.measurement.title}: ${label}</title>`,
    `<style>${STYLE}</style>`,
    `<text x="${LABELS}" y="18">${label}</text>`,
    ...rows,
    "</svg>\n",
  ].join("\n");
}
