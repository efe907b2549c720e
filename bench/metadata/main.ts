import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Postgres } from "@symphony/services/postgres";
import { openPostgresStore } from "../../packages/server/src/storage/postgres/open.ts";
import { readOptionsOrExit } from "../src/command-line.ts";
import { fill } from "./fill.ts";
import { measure, type Timing } from "./measure.ts";
import { HELP, type Options, readOptions } from "./options.ts";
import { page, timingsTable } from "./page.ts";
import { queriesOf } from "./queries.ts";

const FILE = fileURLToPath(new URL("../METADATA.md", import.meta.url));
/** Reasonable settings for a database of this size. */
const SETTINGS = { shared_buffers: "2GB", max_wal_size: "4GB" };
const NAMES = 20_000;

async function measureAll(url: string, options: Options): Promise<readonly Timing[]> {
  const { metadata, close } = await openPostgresStore(url, { debug: () => {} });
  try {
    process.stderr.write("filling the database\n");
    await fill(url, options);
    const { rooms } = await metadata.rooms({ sort: "bytes", descending: true, limit: NAMES });
    const names = rooms.map(({ name }) => name);
    const timings: Timing[] = [];
    for (const query of await queriesOf(metadata, names)) {
      process.stderr.write(`${query.name}\n`);
      timings.push(await measure(query, options.runs));
    }
    return timings;
  } finally {
    await close();
  }
}

const options = readOptionsOrExit(readOptions);
if (options.help) {
  process.stdout.write(HELP);
} else {
  const postgres = new Postgres({ settings: SETTINGS });
  try {
    await postgres.start();
    const timings = await measureAll(await postgres.createDatabase("metadata"), options);
    process.stdout.write(`${timingsTable(timings)}\n`);
    if (options.write) {
      writeFileSync(FILE, page(timings, options, SETTINGS));
      process.stdout.write(`\nwritten to ${FILE}\n`);
    }
  } finally {
    await postgres.stop();
  }
}
