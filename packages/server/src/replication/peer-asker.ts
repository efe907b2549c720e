import type { Logger } from "pino";
import { reasonOf } from "../runtime/reason.ts";
import type { Cluster } from "./cluster.ts";
import type { Peer } from "./peer.ts";
import type { PeerAnswer } from "./peers.ts";
import type { Publisher } from "./publisher.ts";
import type { ReplicationStats } from "./replication-stats.ts";

export interface PeerAskerOptions {
  readonly room: string;
  readonly cluster: Cluster;
  readonly publisher: Publisher;
  readonly logger: Logger;
  readonly stats: ReplicationStats;
}

/** The state vector of an empty document. */
export const NOTHING: Uint8Array = Uint8Array.of(0);

/**
 * Asks other holders directly for a document. Each request also tells them that this server is a
 * holder, and the number of its last message.
 */
export class PeerAsker {
  readonly #options: PeerAskerOptions;

  constructor(options: PeerAskerOptions) {
    this.#options = options;
  }

  /**
   * Asks for what a state vector does not cover. Does not reject.
   *
   * @returns `null` if the peer did not respond
   */
  ask(peer: Peer, stateVector: Uint8Array): Promise<PeerAnswer | null> {
    return this.#ask(peer, stateVector, false);
  }

  /** The same for the whole document, to open it here. */
  askWhole(peer: Peer): Promise<PeerAnswer | null> {
    return this.#ask(peer, NOTHING, true);
  }

  async #ask(peer: Peer, stateVector: Uint8Array, isOpening: boolean): Promise<PeerAnswer | null> {
    const { room, cluster, publisher, logger, stats } = this.#options;
    const { address: from, incarnation, peers } = cluster;
    const { epoch, sequence } = publisher;
    const request = { from, incarnation, epoch, sequence, isOpening, stateVector };
    try {
      const answer = await peers.ask(peer.address, room, request);
      stats.fetches[answer.type]++;
      return answer;
    } catch (error) {
      stats.fetches.failed++;
      const reason = reasonOf(error);
      logger.warn({ room, holder: peer.address, reason }, "peer did not respond");
      return null;
    }
  }
}
