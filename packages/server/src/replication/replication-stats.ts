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
