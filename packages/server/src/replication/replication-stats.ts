import type { PeerAnswer } from "./peers.ts";

/** How this server keeps in step with the others. */
export class ReplicationStats {
  busIn = 0;
  busOut = 0;
  /** How often this server found that it had missed something of another. */
  sequenceGaps = 0;
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
