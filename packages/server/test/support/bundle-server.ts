import { fileURLToPath } from "node:url";
import { PROGRAM_VARIABLE } from "@symphony/services/server-program";
import { rolldown } from "rolldown";

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));
/** As deep in the package as the source, so that the server finds the package's other files. */
const TARGET = fileURLToPath(new URL("../../node_modules/.bundled/", import.meta.url));

const PROGRAMS = {
  cli: "cli",
  "update-worker-thread": "room/workers/update-worker-thread",
  "journal-worker": "storage/sqlite/journal-worker",
  "snapshot-worker": "storage/sqlite/snapshot-worker",
  "metadata-worker": "storage/sqlite/metadata-worker",
};

/**
 * Bundles the server once for all tests. They start hundreds of servers, and each would spend more than
 * a second of CPU time on loading modules.
 */
export default async function bundleServer(): Promise<void> {
  if (process.env[PROGRAM_VARIABLE] !== undefined) return;
  const input = Object.fromEntries(
    Object.entries(PROGRAMS).map(([name, path]) => [name, `${SOURCE}${path}.ts`]),
  );
  const bundle = await rolldown({ input, platform: "node", external: ["pg-native"] });
  await bundle.write({ dir: TARGET, cleanDir: true });
  await bundle.close();
  process.env[PROGRAM_VARIABLE] = `${TARGET}cli.js`;
}
