import "uplot/dist/uPlot.min.css";
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { ConnectionsOverTime } from "../../../../server/src/http/api/schemas.ts";
import { formatCount } from "../../format/numbers.ts";
import { formatMoment } from "../../format/times.ts";
import { type Colours, chartOptions, HEIGHT } from "./chart-options.ts";

type Point = ConnectionsOverTime["points"][number];

/** A line chart of connections and active rooms, with the figures of the point under the pointer. */
export function HistoryChart({ history }: { readonly history: ConnectionsOverTime }): VNode {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [chosen, setChosen] = useState<number | null>(null);
  const isDark = useDarkMode();
  const { points } = history;

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const options = chartOptions(element.clientWidth, coloursOf(element), setChosen);
    const made = new uPlot(options, dataOf(points), element);
    plot.current = made;
    const resized = new ResizeObserver(() => {
      made.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [isDark]);

  useEffect(() => {
    plot.current?.setData(dataOf(points));
  }, [points]);

  const shown = (chosen === null ? undefined : points[chosen]) ?? points.at(-1);
  return (
    <div>
      <dl class="legend">
        <div class="legend-entry connections">
          <dt>Connections</dt>
          <dd>{formatCount(shown?.connections ?? 0)}</dd>
        </div>
        <div class="legend-entry rooms">
          <dt>Active rooms</dt>
          <dd>{formatCount(shown?.rooms ?? 0)}</dd>
        </div>
        <div class="legend-entry at">
          <dt class="visually-hidden">At</dt>
          <dd>{shown && <time dateTime={shown.at}>{formatMoment(new Date(shown.at))}</time>}</dd>
        </div>
      </dl>
      <div ref={host} class="chart" role="img" aria-label={describe(points)} />
      <p class="hint">In this chart, a room counts once for every server it has connections on.</p>
    </div>
  );
}

function describe(points: readonly Point[]): string {
  const most = points.reduce((max, point) => Math.max(max, point.connections), 0);
  const rooms = points.reduce((max, point) => Math.max(max, point.rooms), 0);
  return (
    `Line chart of connections, with a peak of ${formatCount(most)}, and active rooms, ` +
    `with a peak of ${formatCount(rooms)}. The table below has the same figures.`
  );
}

function dataOf(points: readonly Point[]): uPlot.AlignedData {
  return [
    points.map(({ at }) => Date.parse(at) / 1_000),
    points.map(({ connections }) => connections),
    points.map(({ rooms }) => rooms),
  ];
}

function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`);
  return {
    connections: colour("accent"),
    area: colour("accent-faint"),
    rooms: colour("text-soft"),
    text: colour("text-quiet"),
    line: colour("line"),
  };
}

function useDarkMode(): boolean {
  const [query] = useState(() => matchMedia("(prefers-color-scheme: dark)"));
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = (): void => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return isDark;
}
