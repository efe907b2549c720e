import { required } from "./options.ts";
import { run } from "./program.ts";
import { LeveldbSource } from "./sources/leveldb.ts";

await run({
  help: `node src/from-leveldb.ts --from DIRECTORY [options]

Brings the documents that y-websocket-server has stored to a running Symphony.

  --from DIRECTORY  what was YPERSISTENCE there. No other process may have it open: stop the server,
                    or copy the directory and read the copy
`,
  options: { from: { type: "string" } },
  open: (values) => LeveldbSource.open(required(values, "from")),
});
