import type { Logger } from "pino";
import type { HeartbeatSchedule } from "./heartbeat-schedule.ts";
import { Peer } from "./peer.ts";
import type { PeerRequest } from "./peers.ts";
import type { Publisher } from "./publisher.ts";
import type { Recovery } from "./recovery.ts";
import type { Incarnation, ServerAddress } from "./registry.ts";
import type { Replica } from "./replica.ts";

export interface PeerTableOptions {
  readonly room: string;
  readonly logger: Logger;
  readonly publisher: Publisher;
  readonly heartbeats: HeartbeatSchedule;
  readonly recovery: Recovery;
  /** Returns this server's replica, or `null` unless the document is open. */
  readonly replica: () => Replica | null;
}

/**
 * The other servers known to hold a document, each in one run: a peer with another incarnation has
 * ended.
 *
 * While there are none, nothing is published. So the first one to appear is told of a gap in the
 * sequence numbers, and when the last one is gone, the pending updates are dropped.
 */
export class PeerTable {
  readonly #options: PeerTableOptions;
  readonly #peers: Map<ServerAddress, Peer> = new Map();

  constructor(options: PeerTableOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#peers.size === 0;
  }

  get addresses(): ServerAddress[] {
    return [...this.#peers.keys()];
  }

  /** How many of them have content that is missing here, or may have. */
  get lagging(): number {
    let lagging = 0;
    for (const peer of this.#peers.values()) if (peer.isLagging) lagging++;
    return lagging;
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#peers.values();
  }

  get(address: ServerAddress): Peer | undefined {
    return this.#peers.get(address);
  }

  /** Whether this very peer is still known as a holder. */
  has(peer: Peer): boolean {
    return this.#peers.get(peer.address) === peer;
  }

  /** Returns the peer at an address, which is added unless it is known. */
  add(address: ServerAddress): Peer {
    let peer = this.#peers.get(address);
    if (peer === undefined) {
      const { publisher, heartbeats, replica } = this.#options;
      peer = new Peer(address, Date.now());
      const opened = this.isEmpty ? replica() : null;
      // Changes made while there were no other holders are part of the state that others fetch.
      if (opened !== null) publisher.skip(opened.awareness.version);
      this.#peers.set(address, peer);
      heartbeats.met(Date.now());
    }
    return peer;
  }

  /** The same for a server that is known to run as this incarnation. */
  addRun(address: ServerAddress, incarnation: Incarnation): Peer {
    this.foundRun(address, incarnation);
    const peer = this.add(address);
    peer.isRun(incarnation);
    return peer;
  }

  /** Adds the server that sends a request, and records what the request says about it. */
  addRequester({ from, incarnation, epoch, sequence, isOpening }: PeerRequest): Peer {
    const before = isOpening ? this.#peers.get(from) : undefined;
    if (before !== undefined) this.lose(before);
    const peer = this.addRun(from, incarnation);
    peer.confirm(epoch);
    if (isOpening) peer.catchUp(epoch, 0);
    else peer.hearOf(epoch, sequence, Date.now());
    return peer;
  }

  /**
   * A server is known to run as this incarnation; a peer with another incarnation has ended.
   *
   * @returns whether such a peer was removed
   */
  foundRun(address: ServerAddress, incarnation: Incarnation): boolean {
    const peer = this.#peers.get(address);
    if (peer === undefined || peer.isRun(incarnation)) return false;
    const { room, logger } = this.#options;
    logger.info({ room, holder: address }, "a holder has restarted");
    this.lose(peer);
    return true;
  }

  /** Evicts dead servers: removes their clients, and reads their last writes from the stores. */
  evict(dead: readonly ServerAddress[]): void {
    const { room, logger } = this.#options;
    for (const address of dead) {
      const peer = this.#peers.get(address);
      if (peer === undefined) continue;
      logger.info({ room, holder: address }, "evicted a dead holder");
      this.lose(peer);
    }
  }

  /**
   * Removes a holder that is gone without a farewell: its last messages may be missing, or may
   * never have been sent. The stores have their content. Comparing state vectors would not be
   * enough: they reveal missing insertions, but not missing deletions.
   */
  lose(peer: Peer): void {
    this.remove(peer);
    this.#options.recovery.soon();
  }

  /** Removes a holder that is gone, and its clients. */
  remove(peer: Peer): void {
    const { publisher, replica } = this.#options;
    this.#peers.delete(peer.address);
    if (this.isEmpty) publisher.clear();
    const opened = replica();
    if (opened?.awareness.removeFromPeer(peer.clients, peer, Date.now()))
      opened.scheduleAwareness();
  }
}
