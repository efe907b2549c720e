import { required } from "./options.ts";
import { run } from "./program.ts";
import { HocuspocusSource } from "./sources/hocuspocus.ts";

await run({
  help: `node src/from-hocuspocus.ts --from FILE [options]

Brings the documents that Hocuspocus has stored with its SQLite extension to a running Symphony.
Hocuspocus may go on running.

  --from FILE      the database of the extension
  --table NAME     its table (default documents), with the columns name and data
`,
  options: { from: { type: "string" }, table: { type: "string", default: "documents" } },
  open: async (values) => new HocuspocusSource(required(values, "from"), required(values, "table")),
});
