import { cpus, totalmem } from "node:os";
import { table } from "../src/report/table.ts";
import { SERVERS } from "./fill.ts";
import type { Timing } from "./measure.ts";
import type { Options } from "./options.ts";

/** The target for the 95th percentile of every query, in milliseconds. */
const BAR_MS = 200;

export function timingsTable(timings: readonly Timing[]): string {
  return table(
    ["milliseconds", "p50", "p95", "max", `p95 ≤ ${BAR_MS}`],
    timings.map(({ name, p50, p95, max }) => [
      name,
      ...[p50, p95, max].map((time) => time.toFixed(1)),
      p95 <= BAR_MS ? "yes" : "**no**",
    ]),
  );
}

/** Renders bench/METADATA.md. */
export function page(
  timings: readonly Timing[],
  { rooms, connections, runs }: Options,
  settings: Readonly<Record<string, string>>,
): string {
  const count = (number: number) => number.toLocaleString("en");
  const cores = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const set = Object.entries(settings).map(([name, value]) => `\`${name} = ${value}\``);
  return `# Metadata at realistic scale

Written by \`node bench/metadata/main.ts --write\`. PostgreSQL holds ${count(rooms)} rooms, ${count(connections)}
connections of 90 days, and a year of activity of ${SERVERS} servers, of which the last hour is not aggregated
yet. Each line is ${runs} calls of the interface that the server uses (\`storage/metadata.ts\`), one after the
other, with different parameters each time: any page of a list, any room, any time. The figures therefore
include the round trip to the database, and turning rows into objects.

${timingsTable(timings)}

A list of rooms also counts all matches. A search reads all names: it needs no extension, and no index
would help a search for two letters.

## Machine

- ${cores.length} × ${cores[0]?.model ?? "unknown processor"}, ${memory} GiB; database and client share it
- Node ${process.versions.node}; PostgreSQL with ${set.join(", ")}, otherwise with defaults
`;
}
