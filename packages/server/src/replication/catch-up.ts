import type { Logger } from "pino";
import { isLeft } from "../protocol/awareness.ts";
import type { PeerAwareness } from "./message.ts";
import type { Heard, Peer } from "./peer.ts";
import type { PeerAnswer, PeerRequest, PeerState, Peers } from "./peers.ts";
import type { Replica } from "./replica.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** Who asks for a document. */
export interface Asker {
  readonly room: string;
  readonly peers: Peers;
  readonly logger: Logger;
  readonly stats: ReplicationStats;
}

export interface CatchUpOptions extends Asker {
  readonly replica: Replica;
  /** Takes what the stores have and the replica has not. */
  readonly recover: () => Promise<void>;
  /** Asks for what the replica lacks now. */
  readonly request: () => PeerRequest;
  readonly isHolder: (peer: Peer) => boolean;
  readonly takeAwareness: (states: readonly PeerAwareness[], peer: Peer) => void;
  /** The peer does not hold the document any more. */
  readonly letGo: (peer: Peer) => void;
}

/** The same peer is not asked more often. */
const AGAIN_MS = 500;
/** The same when it did not answer. */
const RETRY_MS = 1_000;
/** The stores are read again after a second, then less and less often, but so often at least. */
const MAX_RECOVERY_RETRY_MS = 10_000;

/** Gets what was missed on the bus: from the server that published it, else from the stores. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #asked: Set<Peer> = new Set();
  #recoverAt = Number.POSITIVE_INFINITY;
  #recoveryRetry = RETRY_MS;
  #isRecovering = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Reads the stores at the next tick, and again until that works. */
  recoverSoon(): void {
    this.#recoverAt = 0;
    this.#recoveryRetry = RETRY_MS;
  }

  tick(now: number): void {
    if (now >= this.#recoverAt && !this.#isRecovering) void this.#recover();
  }

  /** Asks a holder for what is missing, unless it was just asked. */
  ask(peer: Peer, now: number): void {
    if (now < peer.askAt || this.#asked.has(peer)) return;
    void this.#ask(peer);
  }

  async #ask(peer: Peer): Promise<void> {
    const { room, logger, request, isHolder, letGo } = this.#options;
    this.#asked.add(peer);
    let pause = RETRY_MS;
    const { heard } = peer;
    try {
      const answer = await ask(this.#options, peer, request());
      if (!isHolder(peer)) return;
      if (answer === null) await this.#readInstead(peer);
      else if (answer.type === "absent") letGo(peer);
      // It was started again, and tells of itself when it has been asked.
      else if (answer.type === "state" && !peer.isRun(answer.state.incarnation)) letGo(peer);
      else if (answer.type === "state") {
        await this.#take(answer.state, peer, heard);
        pause = AGAIN_MS;
      }
    } catch (error) {
      logger.warn({ room, holder: peer.address, err: error }, "cannot catch up; trying again");
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
    takeAwareness(state.awareness, peer);
    peer.confirm(state.epoch);
    peer.catchUp(state.epoch, state.sequence);
    peer.settle(heard);
    peer.heardAt = now;
  }

  /** What a server published was durable before, so the stores have all that was heard of. */
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
    // It may become due again meanwhile.
    this.#recoverAt = Number.POSITIVE_INFINITY;
    try {
      await recover();
      this.#recoveryRetry = RETRY_MS;
    } catch (error) {
      this.#recoverAt = Math.min(this.#recoverAt, Date.now() + this.#recoveryRetry);
      this.#recoveryRetry = Math.min(2 * this.#recoveryRetry, MAX_RECOVERY_RETRY_MS);
      logger.warn({ room, err: error }, "cannot read the stores; trying again");
    } finally {
      this.#isRecovering = false;
    }
  }
}

/** @returns `null` when the peer did not answer */
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
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ room, holder: peer.address, reason }, "no answer");
    return null;
  }
}
