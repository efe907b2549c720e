import { COUNTS, Distribution, SECONDS } from "../runtime/metrics/distribution.ts";
import type { Budget } from "./workers/worker-errors.ts";

// Counters maintained by the modules of this folder. Updating a field costs next to nothing; the metrics
// read them on demand.

/** Changes to documents: where they came from, and how many clients they were sent to. */
export class RoomStats {
  /** Updates from this server's clients, except those already known when a client connected. */
  updatesFromClients = 0;
  updateBytesFromClients = 0;
  /** Updates from other servers or found in the stores. */
  updatesFromServers = 0;
  updateBytesFromServers = 0;
  /** Awareness messages from this server's clients. */
  awarenessFromClients = 0;
  /** Frames with updates, counted once per client. */
  updatesOut = 0;
  awarenessOut = 0;
  /** Number of writes of new frames to a client, however many frames each. */
  deliveries = 0;
  /** Time from a change until it has been sent: once per flush, for its oldest change. */
  readonly flushSeconds: Distribution = new Distribution(SECONDS);
}

/** The journal, which makes updates durable. */
export class JournalStats {
  /** Updates per commit. */
  readonly batch: Distribution = new Distribution(COUNTS);
  bytes = 0;
  readonly commitSeconds: Distribution = new Distribution(SECONDS);
  failures = 0;
  /** Time from receipt until durable: for each update, that of the oldest one in its commit. */
  readonly acknowledgementSeconds: Distribution = new Distribution(SECONDS);
}

/** Storing snapshots. */
export class SnapshotStats {
  /** Duration of successful ones. */
  readonly seconds: Distribution = new Distribution(SECONDS);
  bytes = 0;
  /** Another server had stored a snapshot in the meantime. */
  conflicts = 0;
  failures = 0;
}

/** The workers that compact, compare and render documents. */
export class WorkerStats {
  /** Tasks that exceeded their share of the shared workers and started over in the penalty pool. */
  demoted = 0;
  /** Tasks that failed, by the budget that they exceeded. */
  readonly exceeded: Record<Budget, number> = { time: 0, memory: 0, queue: 0 };
}
