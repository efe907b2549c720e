import { pino } from "pino";
import { openPostgresStore } from "../../src/storage/postgres/open.ts";

// Opens a store and closes it; nothing must keep the process from ending then.

const store = await openPostgresStore(process.argv[2] ?? "", pino({ level: "silent" }));
await store.journal.read("a");
await store.close();
process.disconnect();
