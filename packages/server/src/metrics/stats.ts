import type { PeerAnswer } from "../cluster/peers.ts";
import { COUNTS, Distribution, SECONDS } from "./distribution.ts";

// What the parts of the server count while they work. Each part has its own, and changes the fields
// where it does the work: that costs next to nothing. They are read when somebody asks for metrics.

/** What connections were charged for the event loop. */
export class LoopStats {
  milliseconds = 0;
  /** How often a connection was not read until it had paid. */
  pauses = 0;
}

/** The WebSockets of this server's clients. */
export class ConnectionStats {
  opened = 0;
  messagesIn = 0;
  bytesIn = 0;
  messagesOut = 0;
  bytesOut = 0;
  readonly loop: LoopStats = new LoopStats();
  /** How many connections this server has closed or refused, by close code. */
  readonly closed: Map<number, number> = new Map();

  close(code: number): void {
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1);
  }
}

/** Changes of documents: where they came from, and to how many clients they went. */
export class DocumentStats {
  /** Updates of own clients, without those that were there already when a client connected. */
  updatesFromClients = 0;
  updateBytesFromClients = 0;
  /** Updates of other servers, or found in the stores. */
  updatesFromServers = 0;
  updateBytesFromServers = 0;
  /** Messages of own clients about who is present. */
  presenceFromClients = 0;
  /** Frames with updates, counted once for each client. */
  updatesOut = 0;
  presenceOut = 0;
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

/** What the application is told of. */
export class DeliveryStats {
  delivered = 0;
  failures = 0;
  givenUp = 0;
  /** Of all servers, as of some seconds ago. `oldest`: in milliseconds since the epoch. */
  pending: { readonly rows: number; readonly oldest: number | null } = { rows: 0, oldest: null };
}

/** The events of this server. */
export class EventStats {
  /** Those that nobody will be told of: there were too many, or they were given up. */
  dropped = 0;
}

/** How this server keeps in step with the others. */
export class ClusterStats {
  busIn = 0;
  busOut = 0;
  /** How often this server found that it had missed something of another. */
  gaps = 0;
  /** How often the bus came back for a document, counted for each. */
  interruptions = 0;
  /** What other servers answered when they were asked for a document. */
  readonly fetches: Record<PeerAnswer["type"] | "failed", number> = {
    state: 0,
    opening: 0,
    absent: 0,
    failed: 0,
  };
  /** How often the lease of this server had lapsed, and was taken again. */
  rejoins = 0;
}
