import type { Logger } from "pino";
import { within } from "../runtime/time-limit.ts";
import { CatchUp } from "./catch-up.ts";
import type { Cluster } from "./cluster.ts";
import type { DirectExchange } from "./direct-exchange.ts";
import type { HeartbeatSchedule } from "./heartbeat-schedule.ts";
import type { AwarenessReport, HolderMessage } from "./message.ts";
import type { Peer } from "./peer.ts";
import type { PeerAsker } from "./peer-asker.ts";
import type { PeerTable } from "./peer-table.ts";
import type { PeerState } from "./peers.ts";
import type { Publisher } from "./publisher.ts";
import type { Recovery } from "./recovery.ts";
import type { Replica } from "./replica.ts";
import type { ReplicationStats } from "./replication-stats.ts";

/** The parts of a replicator that exist before the document is open. */
export interface ReplicationParts {
  readonly room: string;
  readonly cluster: Cluster;
  readonly logger: Logger;
  readonly stats: ReplicationStats;
  readonly publisher: Publisher;
  readonly heartbeats: HeartbeatSchedule;
  readonly recovery: Recovery;
  readonly exchange: DirectExchange;
  readonly peers: PeerTable;
  readonly asker: PeerAsker;
}

/** A holder that has been silent for this long is asked whether it still holds the document. */
const SILENCE_MS = 40_000;
/** The same for a holder that has not been heard from since an interruption of the bus. */
const SILENCE_AFTER_INTERRUPTION_MS = 4_000;
/** How long a leaving server waits for requests to holders that the bus may not have reached. */
const FAREWELL_MS = 1_000;

/**
 * Keeps the replica of an open document in sync: publishes its changes, applies the messages of the
 * other holders, and asks for what is missing.
 */
export class ReplicaSync {
  readonly replica: Replica;
  readonly #parts: ReplicationParts;
  readonly #catchUp: CatchUp;
  readonly #recover: () => Promise<void>;
  /** When messages on the bus may last have been lost, in milliseconds since the epoch. */
  #interruptedAt = 0;

  /** @param recover applies whatever the stores have and the replica lacks */
  constructor(parts: ReplicationParts, replica: Replica, recover: () => Promise<void>) {
    this.#parts = parts;
    this.replica = replica;
    this.#recover = recover;
    this.#catchUp = new CatchUp({
      ...parts,
      replica,
      recover,
      applied: (state, peer) => this.applied(state, peer),
    });
  }

  /** Publishes the changes by this server's clients since the last flush. */
  flush(): void {
    const { peers, publisher, heartbeats } = this.#parts;
    if (peers.isEmpty) return;
    if (publisher.flush(this.replica.awareness)) heartbeats.changed(Date.now());
  }

  sendHeartbeat(wantsReply: boolean): void {
    const { peers, publisher, heartbeats } = this.#parts;
    // Otherwise the state vector could cover updates not sent yet, and the others would ask for
    // them.
    this.flush();
    const stateVector = this.replica.durableVector();
    publisher.publish({ type: "heartbeat", stateVector, wantsReply });
    heartbeats.sent(Date.now(), !peers.isEmpty);
  }

  /** The replica has the updates of this state of a peer: applies the rest of it. */
  applied(state: PeerState, peer: Peer): void {
    this.#takeAwareness({ states: state.awareness, clock: state.awarenessClock }, peer);
    peer.confirm(state.epoch);
    peer.catchUp(state.epoch, state.sequence);
  }

  /** Returns what a request asks for. @param peer the server that sent it, if it is another one */
  async stateFor(stateVector: Uint8Array, peer: Peer | null): Promise<PeerState> {
    // Its messages did not arrive here: the bus is failing on one of the two sides.
    if (peer?.isLagging) this.#catchUp.ask(peer, Date.now());
    const { cluster, publisher } = this.#parts;
    const { incarnation } = cluster;
    const { epoch, sequence } = publisher;
    const awareness = this.replica.awareness.toldTo(peer);
    const awarenessClock = this.replica.awareness.clock;
    const updates = await this.replica.difference(stateVector);
    return { incarnation, epoch, sequence, awareness, awarenessClock, updates };
  }

  /** Whether a peer responds at all. */
  async answers(peer: Peer): Promise<boolean> {
    return (await this.#parts.asker.ask(peer, this.replica.durableVector())) !== null;
  }

  /**
   * Messages on the bus may have been lost. Holders reply to the next heartbeat, so one that does not has
   * perhaps left.
   */
  interrupted(now: number): void {
    this.#interruptedAt = now;
  }

  /** Performs what is due. Call about once a second. */
  tick(now: number): void {
    const { recovery, heartbeats, exchange, peers } = this.#parts;
    recovery.tick(now, this.#recover);
    if (heartbeats.isDue(now)) this.sendHeartbeat(heartbeats.wantsReply);
    if (peers.isEmpty) return;
    const isExchange = exchange.begin(now);
    for (const peer of peers) {
      if (peer.isLagging || this.#isSilent(peer, now) || isExchange) this.#catchUp.ask(peer, now);
    }
  }

  /** Applies a message of another holder. */
  take(message: HolderMessage): void {
    const { sender, incarnation, epoch, sequence, body } = message;
    const { cluster, stats, peers, heartbeats } = this.#parts;
    const now = Date.now();
    stats.busIn++;
    const known = peers.get(sender);
    if (known?.doubts(epoch, sequence)) {
      // The updates can be applied in any case: they are durable.
      if (body.type === "changes") this.#receive(body.updates, now);
      this.#catchUp.ask(known, now);
      return;
    }
    if (body.type === "leaving") {
      if (known?.isRun(incarnation)) this.#takeFarewell(known, message, now);
      return;
    }
    const peer = peers.addRun(sender, incarnation);
    const { isLagging } = peer;
    let lacksSomething = false;
    switch (body.type) {
      case "changes":
        if (!body.whole) peer.hearOf(epoch, sequence, now);
        else if (!peer.hear(epoch, sequence, now)) return;
        this.#receive(body.updates, now);
        this.#takeAwareness(body.awareness, peer);
        break;
      case "heartbeat":
        peer.hearOf(epoch, sequence, now);
        if (body.wantsReply && heartbeats.asked(now)) this.sendHeartbeat(false);
        lacksSomething = !this.replica.covers(body.stateVector);
        break;
      case "probe":
        if (body.holder === cluster.address) this.replica.probe(body.client);
        break;
    }
    if (peer.isLagging && !isLagging) stats.sequenceGaps++;
    if (lacksSomething || peer.isLagging) this.#catchUp.ask(peer, now);
  }

  /**
   * The bus does not deliver the farewell. A holder that is asked, and finds that it is missing messages,
   * asks this server in turn, and learns that it no longer holds the document. Does not reject.
   */
  async tellDirectly(): Promise<void> {
    const { peers, asker } = this.#parts;
    const stateVector = this.replica.durableVector();
    const asked = Array.from(peers, (peer) => asker.ask(peer, stateVector));
    await within(FAREWELL_MS, Promise.all(asked));
  }

  #isSilent({ heardAt }: Peer, now: number): boolean {
    const isUnheard = heardAt <= this.#interruptedAt;
    const since = isUnheard ? this.#interruptedAt : heardAt;
    return now - since > (isUnheard ? SILENCE_AFTER_INTERRUPTION_MS : SILENCE_MS);
  }

  #takeFarewell(peer: Peer, { epoch, sequence }: HolderMessage, now: number): void {
    const { peers, recovery } = this.#parts;
    const isOver = peer.isAt(epoch);
    peer.hearOf(epoch, sequence, now);
    // This message is late, or an earlier one was lost: the document may be open there again.
    if (!isOver) {
      this.#catchUp.ask(peer, now);
      return;
    }
    peers.remove(peer);
    if (peer.isLagging) recovery.soon();
  }

  #receive(updates: readonly Uint8Array[], now: number): void {
    for (const update of updates) this.replica.receive(update, now);
  }

  #takeAwareness(report: AwarenessReport, peer: Peer): void {
    const states = this.replica.receivePeerAwareness(report, peer);
    // The peer does not know that this server declared its clients gone. Told so, they announce
    // themselves again.
    const { clock } = this.replica.awareness;
    if (states.length > 0) this.#parts.publisher.publishChanges({ states, clock });
  }
}
