import { workerData } from "node:worker_threads";
import { serveCalls } from "./serve-calls.ts";
import type { SnapshotCalls } from "./snapshot-calls.ts";
import { SnapshotDatabase } from "./snapshot-database.ts";

serveCalls<SnapshotCalls>(() => new SnapshotDatabase(String(workerData)));
