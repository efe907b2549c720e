import type { Exposition } from "../runtime/metrics/exposition.ts";
import type { PeerAnswer } from "./peers.ts";

/** Counters of replication with other servers. */
export class ReplicationStats {
  busIn = 0;
  busOut = 0;
  /** How often this server found that it had missed messages of another. */
  sequenceGaps = 0;
  /** Recoveries of the bus, counted once for each open document. */
  interruptions = 0;
  /** Responses of other servers to document requests, by type. */
  readonly fetches: Record<PeerAnswer["type"] | "failed", number> = {
    state: 0,
    opening: 0,
    absent: 0,
    failed: 0,
  };
  /** How often this server's lease expired and was taken again. */
  rejoins = 0;
}

/** @param isAlive whether this server has a valid lease, or needs none */
export function writeReplication(to: Exposition, stats: ReplicationStats, isAlive: boolean): void {
  to.counter(
    "symphony_bus_messages_received_total",
    "Messages received from other servers on the bus.",
    stats.busIn,
  );
  to.counter(
    "symphony_bus_messages_published_total",
    "Messages published to other servers on the bus.",
    stats.busOut,
  );
  to.counter(
    "symphony_bus_gaps_total",
    "How often data from another server was missed because a message was lost or too large for the bus.",
    stats.sequenceGaps,
  );
  to.counter(
    "symphony_bus_interruptions_total",
    "Bus interruptions, counted once per document when the bus recovers.",
    stats.interruptions,
  );
  to.counters(
    "symphony_peer_fetches_total",
    "Results of requests for a document to other servers.",
    "result",
    Object.entries(stats.fetches),
  );
  to.gauge(
    "symphony_lease_held",
    "1 while this server's lease is valid, or there is no cluster; 0 once it has expired.",
    Number(isAlive),
  );
  to.counter(
    "symphony_lease_rejoins_total",
    "How often this server's lease had expired and was acquired again.",
    stats.rejoins,
  );
}
