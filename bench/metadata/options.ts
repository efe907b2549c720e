import { parseArgs } from "node:util";
import { positive } from "../src/command-line.ts";

export interface Options {
  readonly rooms: number;
  readonly connections: number;
  readonly runs: number;
  readonly write: boolean;
  readonly help: boolean;
}

const DEFAULTS = { rooms: "100000", connections: "10000000", runs: "200" };

export const HELP = `node bench/metadata/main.ts [options]

Starts a PostgreSQL, fills it with rooms, connections and activity, and measures how long each metadata
query takes. The defaults take about ten minutes and 5 GB of disk.

  --rooms N        number of rooms (default ${DEFAULTS.rooms})
  --connections N  connections over 90 days (default ${DEFAULTS.connections})
  --runs N         how often each query is run (default ${DEFAULTS.runs})
  --write          write bench/METADATA.md
  --help           this text
`;

/** @throws Error for the user */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rooms: { type: "string", default: DEFAULTS.rooms },
      connections: { type: "string", default: DEFAULTS.connections },
      runs: { type: "string", default: DEFAULTS.runs },
      write: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return {
    rooms: positive("rooms", values.rooms),
    connections: positive("connections", values.connections),
    runs: positive("runs", values.runs),
    write: values.write,
    help: values.help,
  };
}
