import { workerData } from "node:worker_threads";
import { serveCalls } from "./serve-calls.ts";
import type { StatementCalls } from "./statement-calls.ts";
import { StatementDatabase } from "./statement-database.ts";

serveCalls<StatementCalls>(() => new StatementDatabase(String(workerData)));
