import type uPlot from "uplot";
import { formatCount } from "../../format/numbers.ts";
import { formatDay, formatMinute } from "../../format/times.ts";

export interface Colours {
  readonly connections: string;
  readonly area: string;
  readonly rooms: string;
  readonly text: string;
  readonly line: string;
}

export const HEIGHT = 240;
const DAY_S = 86_400;
/** Axis steps, so that a scale with few connections has no fractions. */
const WHOLE_STEPS = [1, 2, 5].flatMap((step) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((e) => step * 10 ** e),
);
const LEAST_TOP = 4;

/** The chart's options. @param onCursor receives the index of the point under the pointer */
export function chartOptions(
  width: number,
  colours: Colours,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: colours.text,
    font: "12px system-ui, sans-serif",
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: { y: { range: (_, __, max) => [0, Math.max(LEAST_TOP, max * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 72, values: timeLabels },
      {
        ...axis,
        size: 48,
        incrs: WHOLE_STEPS.toSorted((a, b) => a - b),
        values: (_, splits) => splits.map(formatCount),
      },
    ],
    series: [
      {},
      {
        stroke: colours.connections,
        fill: colours.area,
        width: 2,
        points: { show: false },
      },
      // Dashed as well, for users who cannot distinguish the colours.
      { stroke: colours.rooms, width: 1.5, dash: [5, 4], points: { show: false } },
    ],
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
  };
}

/** Labels in the user's time zone: the date at midnight, otherwise the time. */
function timeLabels(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  return splits.map((seconds) => {
    const time = new Date(seconds * 1_000);
    const isMidnight = time.getHours() === 0 && time.getMinutes() === 0;
    return step >= DAY_S || isMidnight ? formatDay(time) : formatMinute(time);
  });
}
