import { parseArgs } from "node:util";
import { positive, positiveList } from "./command-line.ts";
import { contenders } from "./contenders/all.ts";
import type { Contender } from "./contenders/contender.ts";
import { measurements } from "./measurements/all.ts";
import type { Measurement, Settings } from "./measurements/measurement.ts";

export interface Options {
  readonly measurements: readonly Measurement[];
  readonly contenders: readonly Contender[];
  readonly settings: Settings;
  readonly runs: number;
  readonly write: boolean;
  readonly help: boolean;
}

const DEFAULTS = {
  runs: "3",
  clients: "1600",
  "small-clients": "400",
  "spread-clients": "100",
  "scaling-clients": "600",
  "latency-clients": "4,40,200,400,1000,1600,3000",
  connections: "10000",
  documents: "2000",
  rooms: "10000",
  "crowd-rooms": "2",
  "drawing-clients": "200",
  "storm-clients": "2000",
  "soak-minutes": "60",
  "warm-up": "5",
  seconds: "10",
};

const byDefault = measurements.filter(({ onlyWhenNamed = false }) => !onlyWhenNamed);
const longOnes = measurements.filter((one) => !byDefault.includes(one)).map(({ name }) => name);

export const HELP = `npm run bench -- [options] [measurement…]

Measurements (default: all but ${longOnes.join(", ")}): ${measurements.map(({ name }) => name).join(", ")}

  --contenders A,B    run only these (default: ${contenders.map(({ name }) => name).join(",")})
  --runs N            runs per contender (default ${DEFAULTS.runs}; medians are printed)
  --clients N         clients of the case study and acknowledgement (default ${DEFAULTS.clients})
  --small-clients N   clients of the small case study (default ${DEFAULTS["small-clients"]})
  --spread-clients N  clients of the rooms spread over servers (default ${DEFAULTS["spread-clients"]})
  --scaling-clients N clients per process of the scaling (default ${DEFAULTS["scaling-clients"]})
  --latency-clients A,B
                      numbers of clients of the latency (default ${DEFAULTS["latency-clients"]})
  --seconds N         measured seconds of each run with load (default ${DEFAULTS.seconds})
  --warm-up N         seconds of load before that (default ${DEFAULTS["warm-up"]})
  --connections N     idle connections (default ${DEFAULTS.connections})
  --documents N       open documents (default ${DEFAULTS.documents})
  --rooms N           rooms of many-rooms (default ${DEFAULTS.rooms})
  --crowd-rooms N     rooms of the crowd (default ${DEFAULTS["crowd-rooms"]})
  --drawing-clients N clients that draw (default ${DEFAULTS["drawing-clients"]})
  --storm-clients N   clients that return after a restart (default ${DEFAULTS["storm-clients"]})
  --soak-minutes N    length of the soak in minutes (default ${DEFAULTS["soak-minutes"]})
  --write             write the results into bench/RESULTS.md, with its charts
  --help              this text
`;

/** @throws Error for the user */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      contenders: { type: "string" },
      runs: { type: "string", default: DEFAULTS.runs },
      clients: { type: "string", default: DEFAULTS.clients },
      "small-clients": { type: "string", default: DEFAULTS["small-clients"] },
      "spread-clients": { type: "string", default: DEFAULTS["spread-clients"] },
      "scaling-clients": { type: "string", default: DEFAULTS["scaling-clients"] },
      "latency-clients": { type: "string", default: DEFAULTS["latency-clients"] },
      seconds: { type: "string", default: DEFAULTS.seconds },
      "warm-up": { type: "string", default: DEFAULTS["warm-up"] },
      connections: { type: "string", default: DEFAULTS.connections },
      documents: { type: "string", default: DEFAULTS.documents },
      rooms: { type: "string", default: DEFAULTS.rooms },
      "crowd-rooms": { type: "string", default: DEFAULTS["crowd-rooms"] },
      "drawing-clients": { type: "string", default: DEFAULTS["drawing-clients"] },
      "storm-clients": { type: "string", default: DEFAULTS["storm-clients"] },
      "soak-minutes": { type: "string", default: DEFAULTS["soak-minutes"] },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    measurements: choose("measurement", measurements, positionals, byDefault),
    contenders: choose("contender", contenders, values.contenders?.split(",") ?? []),
    settings: {
      clients: positive("clients", values.clients),
      smallClients: positive("small-clients", values["small-clients"]),
      spreadClients: positive("spread-clients", values["spread-clients"]),
      scalingClients: positive("scaling-clients", values["scaling-clients"]),
      latencyClients: positiveList("latency-clients", values["latency-clients"]),
      connections: positive("connections", values.connections),
      documents: positive("documents", values.documents),
      rooms: positive("rooms", values.rooms),
      crowdRooms: positive("crowd-rooms", values["crowd-rooms"]),
      drawingClients: positive("drawing-clients", values["drawing-clients"]),
      stormClients: positive("storm-clients", values["storm-clients"]),
      soakMinutes: positive("soak-minutes", values["soak-minutes"]),
      warmUpSeconds: positive("warm-up", values["warm-up"]),
      windowSeconds: positive("seconds", values.seconds),
    },
    runs: positive("runs", values.runs),
    write: values.write,
    help: values.help,
  };
}

/** Returns the items with these names in their usual order, or `byDefault` without names. */
function choose<Item extends { readonly name: string }>(
  kind: string,
  all: readonly Item[],
  names: readonly string[],
  byDefault: readonly Item[] = all,
): readonly Item[] {
  for (const name of names) {
    if (!all.some((item) => item.name === name)) {
      throw new Error(`unknown ${kind} "${name}": ${all.map((item) => item.name).join(", ")}`);
    }
  }
  return names.length === 0 ? byDefault : all.filter((item) => names.includes(item.name));
}
