import type { Logger } from "pino";
import { isLeft } from "../protocol/awareness.ts";
import type { Heard, Peer } from "./peer.ts";
import type { PeerAsker } from "./peer-asker.ts";
import type { PeerTable } from "./peer-table.ts";
import type { PeerState } from "./peers.ts";
import type { Replica } from "./replica.ts";

export interface CatchUpOptions {
  readonly room: string;
  readonly logger: Logger;
  readonly replica: Replica;
  readonly peers: PeerTable;
  readonly asker: PeerAsker;
  /** Applies whatever the stores have and the replica lacks. */
  readonly recover: () => Promise<void>;
  /** The updates of a state have been applied: applies the rest of it. */
  readonly applied: (state: PeerState, peer: Peer) => void;
}

/** Minimum interval between requests to the same peer. */
const AGAIN_MS = 500;
/** The same after a failed request. */
const RETRY_MS = 1_000;

/**
 * Fetches what was missed on the bus: from the server that published it, or else from the stores.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #asked: Set<Peer> = new Set();

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Asks a holder for what is missing, unless it was asked a moment ago. */
  ask(peer: Peer, now: number): void {
    if (now < peer.askAt || this.#asked.has(peer)) return;
    void this.#ask(peer);
  }

  async #ask(peer: Peer): Promise<void> {
    const { room, logger, replica, peers, asker } = this.#options;
    this.#asked.add(peer);
    let pause = RETRY_MS;
    const { heard } = peer;
    try {
      const answer = await asker.ask(peer, replica.durableVector());
      if (!peers.has(peer)) return;
      if (answer === null) await this.#readInstead(peer);
      else if (answer.type === "absent") peers.lose(peer);
      // The server has restarted. The request made this server known to it, so it will announce
      // itself.
      else if (answer.type === "state" && !peer.isRun(answer.state.incarnation)) peers.lose(peer);
      else if (answer.type === "state") {
        await this.#take(answer.state, peer, heard);
        pause = AGAIN_MS;
      }
    } catch (error) {
      logger.warn({ room, holder: peer.address, err: error }, "catching up failed, retrying");
    } finally {
      this.#asked.delete(peer);
      peer.askAt = Date.now() + pause;
    }
  }

  async #take(state: PeerState, peer: Peer, heard: Heard | null): Promise<void> {
    const { replica, peers, applied } = this.#options;
    const now = Date.now();
    await replica.receiveIfNew(state.updates, now);
    if (!peers.has(peer)) return;
    const gone = new Set(peer.clients);
    for (const { client, state: shown } of state.awareness) if (!isLeft(shown)) gone.delete(client);
    if (replica.awareness.removeFromPeer(gone, peer, now)) replica.scheduleAwareness();
    applied(state, peer);
    peer.settle(heard);
    peer.heardAt = now;
  }

  /**
   * Servers publish only what is durable, so the stores have everything the peer is known to have
   * published.
   */
  async #readInstead(peer: Peer): Promise<void> {
    if (!peer.isLagging) return;
    const { heard } = peer;
    await this.#options.recover();
    peer.settle(heard);
    if (heard !== null) peer.catchUp(heard.epoch, heard.sequence);
  }
}
