import { workerData } from "node:worker_threads";
import type { JournalCalls } from "./journal-calls.ts";
import { JournalDatabase } from "./journal-database.ts";
import { serveCalls } from "./serve-calls.ts";

serveCalls<JournalCalls>(() => new JournalDatabase(String(workerData)));
