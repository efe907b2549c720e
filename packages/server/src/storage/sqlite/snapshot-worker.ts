import { workerData } from "node:worker_threads";
import { runInBackground } from "../../runtime/background-thread.ts";
import { serveCalls } from "./serve-calls.ts";
import type { SnapshotCalls } from "./snapshot-calls.ts";
import { SnapshotDatabase } from "./snapshot-database.ts";

runInBackground();
serveCalls<SnapshotCalls>(() => new SnapshotDatabase(String(workerData)));
