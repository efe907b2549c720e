import { reference } from "../contenders/reference.ts";
import { symphony } from "../contenders/symphony.ts";
import { caseStudyWorkload, describeCaseStudy } from "../workload/case-study-workload.ts";
import { describeLoad, loadColumns, measureLoad } from "./measure-load.ts";
import type { Bar, Column, Measurement, Target } from "./measurement.ts";

const COLUMNS = [
  "updateP50",
  "updateP95",
  "updateP99",
  "presenceP50",
  "presenceP95",
  "presenceP99",
  "serverBusy",
  "cpuPerDelivery",
  "returnP50",
  "returnP95",
  "othersBusy",
];

/** Columns with targets in milliseconds, for up to 400 clients and for 1,600. */
const LATENCIES = [
  { what: "update p50", column: "updateP50", upTo400: 2, at1600: 10 },
  { what: "update p95", column: "updateP95", upTo400: 10, at1600: 40 },
  { what: "presence p50", column: "presenceP50", upTo400: 2, at1600: 10 },
  { what: "presence p95", column: "presenceP95", upTo400: 10, at1600: 40 },
] as const;

const PARTICIPANTS = [symphony.name, reference.name];

/** The load of the case study with few and with many clients. */
export const latency: Measurement = {
  name: "latency",
  title: "Latency by number of clients",
  columns: COLUMNS.map(loadColumn),
  bars: [
    ...LATENCIES.map(
      ({ what, column, upTo400 }): Bar => ({
        text: `4 to 400 clients: ${what} at most ${upTo400} ms`,
        column,
        of: "value",
        clients: [4, 400],
        atMost: upTo400,
      }),
    ),
    cpuBar("4 to 400 clients", [4, 400], 0.85),
    ...LATENCIES.map(
      ({ what, column }): Bar => ({
        text: `1,000 clients: ${what} no higher than that of @y/websocket-server`,
        ...noHigher(column, [1000, 1000]),
      }),
    ),
    cpuBar("1,000 clients", [1000, 1000], 0.85),
    ...LATENCIES.map(
      ({ what, column, at1600 }): Bar => ({
        text: `1,600 clients: ${what} at most ${at1600} ms, or no higher than that of @y/websocket-server`,
        column,
        of: "value",
        clients: [1600, 1600],
        atMost: at1600,
        or: noHigher(column, [1600, 1600]),
      }),
    ),
    cpuBar("1,600 clients", [1600, 1600], 0.8),
  ],
  minimumRuns: 1,
  takesPart: ({ name }) => PARTICIPANTS.includes(name),
  clientCounts: ({ latencyClients }) => latencyClients,
  describe: (settings) =>
    `${describeCaseStudy(settings.latencyClients.join(", "))} Each number of clients has a new server. ` +
    describeLoad(settings),
  run: (context) => measureLoad(context, caseStudyWorkload(context.settings.clients)),
};

function loadColumn(wanted: string): Column {
  const column = loadColumns.find(({ key }) => key === wanted);
  if (column === undefined) throw new Error(`no column ${wanted}`);
  return column;
}

function cpuBar(who: string, clients: readonly [number, number], atMost: number): Bar {
  return {
    text: `${who}: CPU per delivery at most ${atMost} times that of @y/websocket-server`,
    column: "cpuPerDelivery",
    of: "ratio",
    clients,
    atMost,
  };
}

function noHigher(column: string, clients: readonly [number, number]): Target {
  return { column, of: "ratio", clients, atMost: 1 };
}
