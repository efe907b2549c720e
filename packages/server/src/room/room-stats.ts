import { COUNTS, Distribution, SECONDS } from "../runtime/metrics/distribution.ts";
import type { Budget } from "./worker-errors.ts";

// Counters that the parts of this folder keep while they work. Changing a field costs next to nothing;
// the metrics read them when somebody asks.

/** Changes of documents: where they came from, and to how many clients they went. */
export class RoomStats {
  /** Updates of own clients, without those that were there already when a client connected. */
  updatesFromClients = 0;
  updateBytesFromClients = 0;
  /** Updates of other servers, or found in the stores. */
  updatesFromServers = 0;
  updateBytesFromServers = 0;
  /** Messages of own clients about who is present. */
  awarenessFromClients = 0;
  /** Frames with updates, counted once for each client. */
  updatesOut = 0;
  awarenessOut = 0;
  /** How often a client was sent what is new, in however many frames. */
  deliveries = 0;
  /** From a change until it has been sent: once for each flush, with the time of its oldest change. */
  readonly flushSeconds: Distribution = new Distribution(SECONDS);
}

/** What makes updates durable. */
export class JournalStats {
  /** How many updates a commit holds. */
  readonly batch: Distribution = new Distribution(COUNTS);
  bytes = 0;
  readonly commitSeconds: Distribution = new Distribution(SECONDS);
  failures = 0;
  /** From receipt until durable: for each update, the time of the oldest one in its commit. */
  readonly acknowledgementSeconds: Distribution = new Distribution(SECONDS);
}

/** What stores documents. */
export class SnapshotStats {
  /** Those that were stored. */
  readonly seconds: Distribution = new Distribution(SECONDS);
  bytes = 0;
  /** Somebody else had stored one since. */
  conflicts = 0;
  failures = 0;
}

/** The workers that compact, compare and render documents. */
export class WorkerStats {
  /** Tasks that used up their share of the common workers and began anew in the penalty lane. */
  demoted = 0;
  /** Tasks that were given up, by the budget that they exceeded. */
  readonly exceeded: Record<Budget, number> = { time: 0, memory: 0, queue: 0 };
}
