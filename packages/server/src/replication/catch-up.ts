import type { Logger } from "pino";
import { isLeft } from "../protocol/awareness.ts";
import { type BackoffBounds, backoff } from "../runtime/backoff.ts";
import { reasonOf } from "../runtime/reason.ts";
import type { AwarenessReport } from "./message.ts";
import type { Heard, Peer } from "./peer.ts";
import type { PeerAnswer, PeerRequest, PeerState, Peers } from "./peers.ts";
import type { Replica } from "./replica.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** What a request to a peer needs. */
export interface Asker {
  readonly room: string;
  readonly peers: Peers;
  readonly logger: Logger;
  readonly stats: ReplicationStats;
}

export interface CatchUpOptions extends Asker {
  readonly replica: Replica;
  /** Applies whatever the stores have and the replica lacks. */
  readonly recover: () => Promise<void>;
  /** Builds the request for whatever the replica currently lacks. */
  readonly request: () => PeerRequest;
  readonly isHolder: (peer: Peer) => boolean;
  readonly takeAwareness: (report: AwarenessReport, peer: Peer) => void;
  /** The peer no longer holds the document. */
  readonly onAbsent: (peer: Peer) => void;
}

/** Minimum interval between requests to the same peer. */
const AGAIN_MS = 500;
/** The same after a failed request. */
const RETRY_MS = 1_000;
/** Pauses between attempts to read the stores. */
const RECOVERY_RETRY: BackoffBounds = { first: 1_000, longest: 10_000 };

/**
 * Fetches what was missed on the bus: from the server that published it, or else from the stores.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #asked: Set<Peer> = new Set();
  #recoverAt = Number.POSITIVE_INFINITY;
  #recoveryFailures = 0;
  #isRecovering = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Reads the stores at the next tick, and retries until that succeeds. */
  recoverSoon(): void {
    this.#recoverAt = 0;
    this.#recoveryFailures = 0;
  }

  tick(now: number): void {
    if (now >= this.#recoverAt && !this.#isRecovering) void this.#recover();
  }

  /** Asks a holder for what is missing, unless it was asked a moment ago. */
  ask(peer: Peer, now: number): void {
    if (now < peer.askAt || this.#asked.has(peer)) return;
    void this.#ask(peer);
  }

  async #ask(peer: Peer): Promise<void> {
    const { room, logger, request, isHolder, onAbsent } = this.#options;
    this.#asked.add(peer);
    let pause = RETRY_MS;
    const { heard } = peer;
    try {
      const answer = await ask(this.#options, peer, request());
      if (!isHolder(peer)) return;
      if (answer === null) await this.#readInstead(peer);
      else if (answer.type === "absent") onAbsent(peer);
      // The server has restarted. The request made this server known to it, so it will announce
      // itself.
      else if (answer.type === "state" && !peer.isRun(answer.state.incarnation)) onAbsent(peer);
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
    const { replica, isHolder, takeAwareness } = this.#options;
    const now = Date.now();
    await replica.receiveIfNew(state.updates, now);
    if (!isHolder(peer)) return;
    const gone = new Set(peer.clients);
    for (const { client, state: shown } of state.awareness) if (!isLeft(shown)) gone.delete(client);
    if (replica.awareness.removeFromPeer(gone, peer, now)) replica.scheduleAwareness();
    takeAwareness({ states: state.awareness, clock: state.awarenessClock }, peer);
    peer.confirm(state.epoch);
    peer.catchUp(state.epoch, state.sequence);
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

  async #recover(): Promise<void> {
    const { room, logger, recover } = this.#options;
    this.#isRecovering = true;
    // Another recovery may be requested while this one runs.
    this.#recoverAt = Number.POSITIVE_INFINITY;
    try {
      await recover();
      this.#recoveryFailures = 0;
    } catch (error) {
      this.#recoveryFailures++;
      const retryAt = Date.now() + backoff(this.#recoveryFailures, RECOVERY_RETRY);
      this.#recoverAt = Math.min(this.#recoverAt, retryAt);
      logger.warn({ room, err: error }, "reading the stores failed, retrying");
    } finally {
      this.#isRecovering = false;
    }
  }
}

/** @returns `null` if the peer did not respond */
export async function ask(
  { room, peers, logger, stats }: Asker,
  peer: Peer,
  request: PeerRequest,
): Promise<PeerAnswer | null> {
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
