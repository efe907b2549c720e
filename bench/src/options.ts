import { parseArgs } from "node:util";
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
  connections: "10000",
  documents: "2000",
  "warm-up": "5",
  seconds: "10",
};

export const HELP = `npm run bench -- [options] [measurement…]

Measurements (default: all): ${measurements.map(({ name }) => name).join(", ")}

  --contenders A,B   only these (default: ${contenders.map(({ name }) => name).join(",")})
  --runs N           runs of each contender (default ${DEFAULTS.runs}; medians are printed)
  --clients N        of the case study (default ${DEFAULTS.clients})
  --seconds N        measured time of each run with load (default ${DEFAULTS.seconds})
  --warm-up N        seconds of load before that (default ${DEFAULTS["warm-up"]})
  --connections N    idle connections (default ${DEFAULTS.connections})
  --documents N      open documents (default ${DEFAULTS.documents})
  --write            write bench/RESULTS.md
  --help             this text
`;

/** Throws an error that a user understands. */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      contenders: { type: "string" },
      runs: { type: "string", default: DEFAULTS.runs },
      clients: { type: "string", default: DEFAULTS.clients },
      seconds: { type: "string", default: DEFAULTS.seconds },
      "warm-up": { type: "string", default: DEFAULTS["warm-up"] },
      connections: { type: "string", default: DEFAULTS.connections },
      documents: { type: "string", default: DEFAULTS.documents },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    measurements: choose("measurement", measurements, positionals),
    contenders: choose("contender", contenders, values.contenders?.split(",") ?? []),
    settings: {
      clients: positive("clients", values.clients),
      connections: positive("connections", values.connections),
      documents: positive("documents", values.documents),
      warmUpSeconds: positive("warm-up", values["warm-up"]),
      windowSeconds: positive("seconds", values.seconds),
    },
    runs: positive("runs", values.runs),
    write: values.write,
    help: values.help,
  };
}

/** Those with the given names in their usual order; all of them when no name is given. */
function choose<Item extends { readonly name: string }>(
  kind: string,
  all: readonly Item[],
  names: readonly string[],
): readonly Item[] {
  for (const name of names) {
    if (!all.some((item) => item.name === name)) {
      throw new Error(`unknown ${kind} "${name}": ${all.map((item) => item.name).join(", ")}`);
    }
  }
  return names.length === 0 ? all : all.filter((item) => names.includes(item.name));
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`--${name} needs a whole number`);
  return value;
}
