import { pino } from "pino";
import { openPostgresStore } from "../../src/storage/postgres/open.ts";

// Opens and closes a store; nothing may keep the process from exiting afterwards.

const store = await openPostgresStore(process.argv[2] ?? "", pino({ level: "silent" }));
await store.journal.read("a");
await store.close();
process.disconnect();
